"""Coastlines for maps: Natural Earth 1:110 m land, public domain (naturalearthdata.com).

``coastlines.json`` beside this module holds them rounded to 0.1 deg, with the notice;
``tests/oracles/coastlines.py`` made it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("coastlines.json")


@cache
def coastlines() -> list[list[tuple[float, float]]]:
    """Outlines of the land.

    Returns
    -------
    list of list of (float, float)
        Closed rings of longitude and latitude in degrees. Filled by the even-odd rule they are
        the land, lakes left out. Those that meet the antimeridian or the south pole run along
        the edge of the map there.
    """
    rings = json.loads(_FILE.read_text(encoding="utf-8"))["rings"]
    return [[(x / 10.0, y / 10.0) for x, y in zip(r[::2], r[1::2], strict=True)] for r in rings]
