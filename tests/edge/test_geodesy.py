from __future__ import annotations

import warnings

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geodesy import (
    EARTH_RADIUS_KM,
    dipole_latitude,
    dipole_pole,
    dobrovolsky_radius_km,
    great_circle_km,
    local_time,
    solar_zenith_angle,
)

# g10, g11, h11 of IGRF-14 in nT.
IGRF_14 = {
    2005.0: (-29554.63, -1669.05, 5077.99),
    2010.0: (-29496.57, -1586.42, 4944.26),
    2015.0: (-29441.46, -1501.77, 4795.99),
    2020.0: (-29403.41, -1451.37, 4653.35),
    2025.0: (-29350.0, -1410.3, 4545.5),
}
# Geocentric, as in Alken et al., Earth Planets Space 73:49 (2021); later models moved it by less.
PUBLISHED_POLE = {2010.0: (80.02, -72.21), 2020.0: (80.59, -72.68)}

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 360)


def unit_vector(latitude, longitude) -> np.ndarray:
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=-1)


def zenith_by_erfa(time, latitude, longitude) -> np.ndarray:
    """Ephemeris, precession, nutation and sidereal time by the IAU's own routines."""
    days = (time - np.datetime64("2000-01-01T12:00", "ms")) / np.timedelta64(1, "D")
    with warnings.catch_warnings():
        # Leap seconds of years to come are not known.
        warnings.simplefilter("ignore")
        tt = erfa.taitt(*erfa.utctai(2451545.0, days))
    # The apparent place: the Earth's place 499 s ago stands in for light time and aberration.
    heliocentric, _ = erfa.epv00(tt[0], tt[1] - 499.0 / 86_400.0)
    sun = -heliocentric["p"]
    sun = np.einsum("nij,nj->ni", erfa.pnm06a(*tt), sun)
    sun /= np.linalg.norm(sun, axis=1)[:, None]
    sidereal = np.degrees(erfa.gst06a(2451545.0, days, *tt))
    return np.degrees(np.arccos(np.sum(unit_vector(latitude, longitude + sidereal) * sun, axis=1)))


def test_the_solar_zenith_angle_agrees_with_erfa():
    rng = np.random.default_rng(20)
    first, last = np.datetime64("2004-01-01", "ms"), np.datetime64("2030-12-31", "ms")
    time = first + ((last - first).astype(np.int64) * rng.random(3000)).astype("m8[ms]")
    latitude, longitude = rng.uniform(-90, 90, 3000), rng.uniform(-180, 360, 3000)
    ours = solar_zenith_angle(time, latitude, longitude)
    np.testing.assert_allclose(ours, zenith_by_erfa(time, latitude, longitude), atol=0.01)


def test_the_sun_is_overhead_at_noon_of_the_june_solstice_at_the_tropic():
    time = np.array(["2020-06-20T21:43:40"], dtype="datetime64[ms]")
    # The equation of time is -1 min 50 s.
    longitude = np.array([-(21 + 43 / 60 + 40 / 3600 - 12.0) * 15.0 + 0.46])
    assert solar_zenith_angle(time, np.array([23.44]), longitude)[0] < 0.05


@given(st.integers(0, 2**40), latitudes, longitudes)
def test_a_point_and_its_antipode_see_opposite_suns(milliseconds, latitude, longitude):
    time = np.full(2, milliseconds, dtype="datetime64[ms]")
    angle = solar_zenith_angle(
        time, np.array([latitude, -latitude]), np.array([longitude, longitude + 180.0])
    )
    assert np.all((angle >= 0.0) & (angle <= 180.0))
    assert angle.sum() == pytest.approx(180.0, abs=1e-5)


@pytest.mark.parametrize("function", [solar_zenith_angle, dipole_latitude])
def test_no_rows_give_no_rows(function):
    empty = np.empty(0)
    assert function(np.empty(0, dtype="datetime64[ms]"), empty, empty).shape == (0,)


@pytest.mark.parametrize("year", list(IGRF_14))
def test_the_dipole_pole_is_that_of_igrf_14(year):
    g10, g11, h11 = IGRF_14[year]
    axis = -np.array([g11, h11, g10]) / np.linalg.norm([g11, h11, g10])
    np.testing.assert_allclose(unit_vector(*dipole_pole(year)), axis, atol=1e-9)


@pytest.mark.parametrize("year", list(PUBLISHED_POLE))
def test_the_dipole_pole_is_the_published_one(year):
    np.testing.assert_allclose(dipole_pole(year), PUBLISHED_POLE[year], atol=0.01)


def test_the_dipole_pole_moves_evenly_and_is_held_at_both_ends():
    low, middle, high = (np.array(dipole_pole(year)) for year in (2015.0, 2017.5, 2020.0))
    np.testing.assert_allclose(middle, (low + high) / 2, atol=0.001)
    assert dipole_pole(1990.0) == dipole_pole(2000.0)
    assert dipole_pole(2040.0) == dipole_pole(2030.0)


@given(st.integers(2004, 2030), st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=5))
def test_the_dipole_latitude_is_the_angle_from_the_dipole_equator(year, places):
    latitude, longitude = np.array(places).T
    time = np.full(latitude.size, f"{year}-01-01", dtype="datetime64[ms]")
    cosine = unit_vector(latitude, longitude) @ unit_vector(*dipole_pole(float(year)))
    expected = 90.0 - np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    np.testing.assert_allclose(dipole_latitude(time, latitude, longitude), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("time", "longitude", "hours"),
    [
        ("2020-03-01T00:00", 0.0, 0.0),
        ("2020-03-01T12:00", -180.0, 0.0),
        ("2020-03-01T12:00", 180.0, 0.0),
        ("2020-03-01T23:30", 15.0, 0.5),
        ("2020-03-01T01:00", -30.0, 23.0),
        ("1965-03-01T06:00", 0.0, 6.0),
    ],
)
def test_local_time_is_utc_and_four_minutes_a_degree(time, longitude, hours):
    given_time = np.array([time], dtype="datetime64[ms]")
    assert local_time(given_time, np.array([longitude]))[0] == pytest.approx(hours)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distances_follow_the_spherical_law_of_cosines(lat, lon, lat_0, lon_0):
    distance = great_circle_km(np.array([lat]), np.array([lon]), lat_0, lon_0)[0]
    cosine = unit_vector(lat, lon) @ unit_vector(lat_0, lon_0)
    expected = EARTH_RADIUS_KM * np.arccos(np.clip(cosine, -1.0, 1.0))
    # Near 0 and 180 degrees the arc cosine loses half of its digits.
    assert distance == pytest.approx(expected, abs=1e-3)
    assert 0.0 <= distance <= np.pi * EARTH_RADIUS_KM * (1 + 1e-12)


def test_a_degree_of_latitude_is_111_km():
    one = great_circle_km(np.array([1.0, 0.0]), np.array([0.0, 0.0]), 0.0, 0.0)
    np.testing.assert_allclose(one, [np.pi * EARTH_RADIUS_KM / 180.0, 0.0])


@pytest.mark.parametrize(("magnitude", "radius"), [(5.0, 141.3), (6.0, 380.2), (7.0, 1023.3)])
def test_the_preparation_zone_is_dobrovolsky_s(magnitude, radius):
    assert dobrovolsky_radius_km(magnitude) == pytest.approx(radius, abs=0.05)


# The real half-orbit is its own oracle.


def test_zenith_angle_and_dipole_latitude_agree_with_the_real_file(real_hpm):
    from edge.readers import read_payload

    read = read_payload(real_hpm)
    track = read.track
    # The satellite is in the Earth's shadow where the zenith angle is beyond the horizon's dip.
    zenith = np.radians(solar_zenith_angle(track.time, track.latitude, track.longitude))
    from_axis = (EARTH_RADIUS_KM + track.altitude) * np.sin(zenith)
    shadow = (np.cos(zenith) < 0.0) & (from_axis < EARTH_RADIUS_KM)
    assert (shadow == (read.channels["FLAG_SHW"].values == 1)).mean() >= 0.99
    ours = dipole_latitude(track.time, track.latitude, track.longitude)
    assert np.abs(ours - read.channels["MAG_LAT"].values).max() < 0.2
