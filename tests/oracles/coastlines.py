"""Reduce Natural Earth's land polygons to the coastlines that ship.

    python tests/oracles/coastlines.py natural_earth_land-110m.topojson edge/coastlines.json

Decodes the arcs of the TopoJSON file (1:110 m land, as in world-atlas 2.0.2), rounds to 0.1 deg,
and leaves out points that are the same after it, and rings that are then too small to be seen.
"""

from __future__ import annotations

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

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
                points: list[tuple[int, int]] = []
                for number in ring:
                    arc = arcs[number] if number >= 0 else arcs[~number][::-1]
                    for x, y in arc:
                        point = (round(x * 10), round(y * 10))
                        if not points or point != points[-1]:
                            points.append(point)
                if len(points) >= 4:
                    rings.append([value for point in points for value in point])
    return {"notice": NOTICE, "rings": rings}


def write(reduced: dict[str, Any]) -> str:
    """One ring a line."""
    lines = ",\n".join(json.dumps(ring, separators=(",", ":")) for ring in reduced["rings"])
    return f'{{"notice": {json.dumps(reduced["notice"])},\n"rings": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(write(reduce(json.loads(source.read_text()))))
