"""A circle on the sphere as rings of longitude and latitude, for GeoJSON and for maps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

#: As `edge.geodesy.EARTH_RADIUS_KM`, whose module needs numpy.
EARTH_RADIUS_KM = 6371.2

Point = tuple[float, float]
Ring = list[Point]

_CORNERS = 64
# Near a pole a short way is a large step in longitude: more points until it is none.
_MOST_LONGITUDE_DEG = 5.0
_LEAST_AZIMUTH = 1e-7
# About 64 m: a circle that runs through a pole is drawn just beside it.
_BESIDE = 1e-5
_DECIMALS = 5


def circle(latitude: float, longitude: float, radius_km: float) -> list[Ring]:
    """Draw the circle of a radius about a place.

    Parameters
    ----------
    latitude, longitude : float
        Of the centre in degrees, latitude within [-90, 90].
    radius_km : float
        Along the ground; from half the Earth's circumference on it is the whole Earth.

    Returns
    -------
    list of list of (float, float)
        Closed rings of longitude, in [-180, 180], and latitude, counterclockwise, each a
        polygon of its own without a hole; together they are the circle. One that crosses the
        antimeridian is cut there, and one about a pole runs along the map's edge (RFC 7946).

    Raises
    ------
    ValueError
        The centre is no place, or the radius is not more than 0.
    """
    if not (abs(latitude) <= 90.0 and math.isfinite(longitude)):
        raise ValueError(
            f"centre: expected a latitude within -90 to 90 and a finite longitude, "
            f"got {latitude}, {longitude}"
        )
    if not radius_km > 0.0:
        raise ValueError(f"radius: expected more than 0 km, got {radius_km}")
    radius = radius_km / EARTH_RADIUS_KM
    north, south = math.radians(90.0 - latitude), math.radians(90.0 + latitude)
    if min(abs(radius - north), abs(radius - south)) < _BESIDE:
        radius += 2.0 * _BESIDE if radius < math.pi / 2.0 else -2.0 * _BESIDE
    if radius >= math.pi - _BESIDE:
        return [[(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0), (-180.0, -90.0)]]
    first, second = _halves(math.radians(latitude), math.radians(longitude), radius)
    if radius > north and radius > south:
        # Both poles are within: the strip about the Earth, less a bite at each of its ends.
        turned = [(x + 360.0, y) for x, y in second]
        floor = [(first[-1][0], -90.0), (turned[0][0], -90.0)]
        outline = [*first, *floor, *turned, (turned[-1][0], 90.0), (first[0][0], 90.0)]
        return list(split(outline))
    if radius > north:
        return [_cap([*first, *second], 90.0)]
    if radius > south:
        return [_cap([*first, *second], -90.0)]
    return list(split([*first, *second]))


def _cap(boundary: Ring, pole: float) -> Ring:
    """Close a circle about a pole, which meets every meridian once, over the pole."""
    points = sorted({((round(x, _DECIMALS) + 180.0) % 360.0 - 180.0, y) for x, y in boundary})
    (x0, y0), (x1, y1) = points[-1], points[0]
    at_edge = y0 + (y1 - y0) * (180.0 - x0) / (x1 + 360.0 - x0)
    ring = [(-180.0, at_edge), *points, (180.0, at_edge), (180.0, pole), (-180.0, pole)]
    return next(_tidy([ring if pole > 0.0 else ring[::-1]], 0))


def _halves(latitude: float, longitude: float, radius: float) -> tuple[Ring, Ring]:
    """Walk the circle counterclockwise from its northern end, and from its southern one.

    Longitudes in degrees go on without a wrap.
    """
    sin_lat, cos_lat = math.sin(latitude), math.cos(latitude)
    sin_lon, cos_lon = math.sin(longitude), math.cos(longitude)

    def place(azimuth: float) -> Point:
        ahead, up = math.sin(radius) * math.cos(azimuth), math.cos(radius)
        aside = math.sin(radius) * math.sin(azimuth)
        out = up * cos_lat - ahead * sin_lat
        z = up * sin_lat + ahead * cos_lat
        x, y = out * cos_lon - aside * sin_lon, out * sin_lon + aside * cos_lon
        return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))

    def between(before: float, first: Point, after: float, second: Point) -> Iterator[Point]:
        step = abs(math.remainder(second[0] - first[0], 360.0))
        if step > _MOST_LONGITUDE_DEG and abs(after - before) > _LEAST_AZIMUTH:
            middle = (before + after) / 2.0
            found = place(middle)
            yield from between(before, first, middle, found)
            yield from between(middle, found, after, second)
        else:
            yield second

    halves: list[Ring] = []
    azimuths = [-2.0 * math.pi * i / _CORNERS for i in range(_CORNERS + 1)]
    last = place(0.0)
    for part in (azimuths[: _CORNERS // 2 + 1], azimuths[_CORNERS // 2 :]):
        ring = [last]
        for before, after in itertools.pairwise(part):
            for x, y in between(before, place(before), after, place(after)):
                last = (last[0] + math.remainder(x - last[0], 360.0), y)
                ring.append(last)
        halves.append(ring)
    return halves[0], halves[1]


def split(outline: Ring) -> Iterator[Ring]:
    """Cut a polygon at the antimeridian.

    Parameters
    ----------
    outline : list of (float, float)
        Longitude, which goes on without a wrap, and latitude; no edge crosses another.

    Yields
    ------
    list of (float, float)
        Closed rings with longitudes in [-180, 180].
    """
    low, high = min(x for x, _ in outline), max(x for x, _ in outline)
    turn = math.floor((low + 180.0) / 360.0)
    rest = [outline]
    while (edge := 360.0 * turn + 180.0) < high:
        left = [piece for ring in rest for piece in _side(ring, edge, -1)]
        rest = [piece for ring in rest for piece in _side(ring, edge, 1)]
        yield from _tidy(left, turn)
        turn += 1
    yield from _tidy(rest, turn)


def _side(outline: Ring, edge: float, side: int) -> list[Ring]:
    """Cut a simple polygon at a meridian and keep the pieces on one side of it.

    Notes
    -----
    Sorted by latitude, each two crossings bound a stretch of the meridian that lies within.
    A piece follows the outline to a crossing and goes on at the other end of its stretch.
    """
    kept = [(x >= edge) == (side > 0) for x, _ in outline]
    if all(kept):
        return [outline]
    count = len(outline)
    chains: list[Ring] = []
    for i in range(count):
        (x0, y0), (x1, y1) = outline[i - 1], outline[i]
        if kept[i] != kept[i - 1]:
            crossing = (edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0))
            if kept[i]:
                chain = [crossing]
                j = i
                while kept[j % count]:
                    chain.append(outline[j % count])
                    j += 1
                (x0, y0), (x1, y1) = outline[(j - 1) % count], outline[j % count]
                chain.append((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)))
                chains.append(chain)
    ends = [(chain[k][1], n, k) for n, chain in enumerate(chains) for k in (0, -1)]
    ends.sort()
    partner = {}
    for one, other in zip(ends[::2], ends[1::2], strict=True):
        partner[one[1:]], partner[other[1:]] = other[1], one[1]
    pieces = []
    left = set(range(len(chains)))
    while left:
        number, piece = min(left), []
        while number in left:
            left.remove(number)
            piece += chains[number]
            number = partner[number, -1]
        pieces.append(piece)
    return pieces


def _tidy(rings: list[Ring], turn: int) -> Iterator[Ring]:
    for ring in rings:
        tidy: Ring = []
        for x, y in ring:
            point = (round(x - 360.0 * turn, _DECIMALS) + 0.0, round(y, _DECIMALS) + 0.0)
            if not tidy or point != tidy[-1]:
                tidy.append(point)
        if tidy[0] != tidy[-1]:
            tidy.append(tidy[0])
        # What only touches the antimeridian leaves a line on its other side.
        if len({x for x, _ in tidy}) > 1:
            yield tidy
