"""Reduce Natural Earth's land polygons to the coastlines that ship.

    python tests/oracles/coastlines.py natural_earth_land-110m.topojson edge/show/coastlines.json

Decodes the arcs of the TopoJSON file (1:110 m land, as in world-atlas 2.0.2), cuts what crosses
the antimeridian, rounds to 0.1 deg, and leaves out points that are the same after it, and rings
that are then too small to be seen.
"""

from __future__ import annotations

import json
import math
import sys
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from edge.circles import Ring, split

NOTICE = (
    "Made with Natural Earth (naturalearthdata.com): land, 1:110 m, public domain. Rounded to "
    "0.1 deg by tests/oracles/coastlines.py."
)


def reduce(topology: dict[str, Any]) -> dict[str, Any]:
    """Decode and round; each ring is longitude, latitude, longitude, ... in 0.1 deg."""
    scale, move = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        sums = zip(*(accumulate(axis) for axis in zip(*arc, strict=True)), strict=True)
        arcs.append([[q * s + t for q, s, t in zip(at, scale, move, strict=True)] for at in sums])
    rings = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            for ring in polygon:
                outline = unwrapped(
                    [point for n in ring for point in (arcs[n] if n >= 0 else arcs[~n][::-1])]
                )
                for piece in split(outline):
                    rounded = [(round(x * 10), round(y * 10)) for x, y in piece]
                    points = [p for p, _ in groupby(rounded)]
                    if len(points) >= 4:
                        rings.append([value for point in points for value in point])
    return {"notice": NOTICE, "rings": rings}


def unwrapped(ring: list[list[float]]) -> Ring:
    """Let longitudes go on; a ring about the pole, which is Antarctica's, is closed over it."""
    outline: Ring = []
    last = ring[0][0]
    for x, y in ring:
        last += math.remainder(x - last, 360.0)
        outline.append((last, y))
    if abs(outline[-1][0] - outline[0][0]) > 180.0:
        outline += [(outline[-1][0], -90.0), (outline[0][0], -90.0)]
    return outline


def write(reduced: dict[str, Any]) -> str:
    """One ring a line."""
    lines = ",\n".join(json.dumps(ring, separators=(",", ":")) for ring in reduced["rings"])
    return f'{{"notice": {json.dumps(reduced["notice"])},\n"rings": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(write(reduce(json.loads(source.read_text()))))
