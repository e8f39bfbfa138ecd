"""Circles on the sphere as rings, against distances and areas."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge import circles, geodesy
from edge.circles import Ring, circle

EARTH_KM2 = 4.0 * math.pi * circles.EARTH_RADIUS_KM**2


def distance_km(latitude: float, longitude: float, latitude_0: float, longitude_0: float) -> float:
    a, b = math.radians(latitude), math.radians(latitude_0)
    c = math.radians(longitude - longitude_0)
    inner = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(c / 2) ** 2
    return 2.0 * circles.EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(inner)))


def holds(rings: list[Ring], longitude: float, latitude: float) -> int:
    """Count the rings that a place lies within, by crossings of a ray to the north."""
    found = 0
    for ring in rings:
        within = False
        for (x0, y0), (x1, y1) in itertools.pairwise(ring):
            if (x0 > longitude) != (x1 > longitude):
                within ^= y0 + (longitude - x0) * (y1 - y0) / (x1 - x0) > latitude
        found += within
    return found


def area_km2(ring: Ring) -> float:
    """Area between a ring and the equator, straight lines in longitude and latitude."""
    total = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(ring):
        a, b = math.radians(y0), math.radians(y1)
        # The mean of sin over the line.
        mean = math.sin(a) if abs(b - a) < 1e-9 else (math.cos(a) - math.cos(b)) / (b - a)
        total -= math.radians(x1 - x0) * mean
    return total * circles.EARTH_RADIUS_KM**2


latitudes = st.one_of(st.floats(-90.0, 90.0), st.sampled_from([-90.0, -89.9, 0.0, 88.7, 90.0]))
longitudes = st.one_of(st.floats(-180.0, 180.0), st.sampled_from([-180.0, 179.9, 180.0, 0.0]))
radii = st.one_of(st.floats(1.0, 20_000.0), st.sampled_from([150.0, 1000.0, 10_007.5]))


def test_the_earth_is_as_large_as_elsewhere() -> None:
    assert circles.EARTH_RADIUS_KM == geodesy.EARTH_RADIUS_KM


@given(latitudes, longitudes, radii)
def test_rings_are_those_of_geojson(latitude: float, longitude: float, radius: float) -> None:
    rings = circle(latitude, longitude, radius)
    for ring in rings:
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        assert all(abs(x) <= 180.0 and abs(y) <= 90.0 for x, y in ring)
        # No edge of a map is jumped over, but for the way along a pole.
        for (x0, y0), (x1, y1) in itertools.pairwise(ring):
            assert abs(x1 - x0) <= 5.001 or abs(y0) == abs(y1) == 90.0
            assert (x0, y0) != (x1, y1)
    # Counterclockwise, and together as large as the cap is.
    areas = [area_km2(ring) for ring in rings]
    assert min(areas) > -1e-3 * EARTH_KM2 * 1e-6
    cap = EARTH_KM2 / 2.0 * (1.0 - math.cos(radius / circles.EARTH_RADIUS_KM))
    assert sum(areas) == pytest.approx(cap, rel=0.01, abs=20.0)


@given(latitudes, longitudes, radii, latitudes, longitudes)
def test_what_is_near_is_within_and_what_is_far_is_not(
    latitude: float, longitude: float, radius: float, other: float, beside: float
) -> None:
    distance = distance_km(other, beside, latitude, longitude)
    assume(abs(distance - radius) > 0.01 * radius + 0.2)
    assume(abs(other) < 89.9999)
    assume(abs(beside) < 179.9999)
    assert holds(circle(latitude, longitude, radius), beside, other) == (distance < radius)


@given(latitudes, longitudes, radii, st.floats(0.0, 2 * math.pi), st.floats(0.0, 2.0))
def test_places_about_the_boundary(
    latitude: float, longitude: float, radius: float, azimuth: float, share: float
) -> None:
    assume(abs(share - 1.0) > 0.01)
    away = min(radius * share, 20_000.0)
    assume(abs(away - radius) > 0.3)
    d, a = away / circles.EARTH_RADIUS_KM, math.radians(latitude)
    sine = math.sin(a) * math.cos(d) + math.cos(a) * math.sin(d) * math.cos(azimuth)
    other = math.asin(max(-1.0, min(1.0, sine)))
    assume(abs(other) < math.radians(89.99))
    east = math.atan2(
        math.sin(azimuth) * math.sin(d) * math.cos(a),
        math.cos(d) - math.sin(a) * math.sin(other),
    )
    beside = math.remainder(longitude + math.degrees(east), 360.0)
    assume(abs(beside) < 179.999)
    assert holds(circle(latitude, longitude, radius), beside, math.degrees(other)) == (share < 1)


@pytest.mark.parametrize(
    ("latitude", "longitude", "radius", "pieces"),
    [
        (10.0, 20.0, 150.0, 1),
        (10.0, 179.5, 150.0, 2),
        (10.0, -180.0, 150.0, 2),
        (89.0, 20.0, 500.0, 1),
        (-89.0, 179.0, 500.0, 1),
        # A pole on the circle, and both poles within it.
        (0.0, 0.0, math.pi / 2 * circles.EARTH_RADIUS_KM, 1),
        (10.0, 170.0, 15_000.0, 2),
        (0.0, 0.0, 25_000.0, 1),
    ],
)
def test_pieces(latitude: float, longitude: float, radius: float, pieces: int) -> None:
    rings = circle(latitude, longitude, radius)
    assert len(rings) == pieces, rings


def test_both_poles_with_a_hole_across_the_antimeridian() -> None:
    rings = circle(10.0, -3.0, 19_000.0)
    assert holds(rings, 177.0, -10.0) == 0
    for place in ((179.0, 60.0), (-179.0, -60.0), (0.0, 0.0), (179.0, -89.0)):
        assert holds(rings, *place) == 1


@pytest.mark.parametrize(
    ("latitude", "longitude", "radius"),
    [(90.1, 0.0, 1.0), (math.nan, 0.0, 1.0), (0.0, math.inf, 1.0), (0.0, 0.0, 0.0)],
)
def test_no_circle(latitude: float, longitude: float, radius: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        circle(latitude, longitude, radius)
