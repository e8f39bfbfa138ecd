"""Orbits of the simulated missions against what is known of the real ones."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from sgp4.api import Satrec

from trainer.simulate import geometry
from trainer.simulate.orbits import Pass, half_orbits


def day(text: str) -> np.datetime64:
    return np.datetime64(text)


def node_local_time(half_orbit: Pass) -> float:
    """Local time where the track crosses the equator."""
    at = int(np.argmin(np.abs(half_orbit.latitude)))
    return float(geometry.local_time(half_orbit.time[[at]], half_orbit.longitude[[at]])[0])


@pytest.mark.parametrize(
    ("mission", "start", "night_h", "lowest_km", "highest_km"),
    [
        ("cses", "2018-03-01", 1.89, 485.0, 535.0),
        ("cses", "2019-11-01", 1.89, 485.0, 535.0),
        ("cses", "2026-06-21", 1.89, 485.0, 535.0),
        ("demeter", "2004-07-05", 22.25, 700.0, 750.0),
        ("demeter", "2005-12-10", 22.25, 700.0, 750.0),
        ("demeter", "2010-12-01", 22.25, 650.0, 700.0),
    ],
)
def test_local_time_and_altitude(
    mission: str, start: str, night_h: float, lowest_km: float, highest_km: float
) -> None:
    found = list(half_orbits(mission, day(start), day(start) + np.timedelta64(1, "D")))
    assert 28 <= len(found) <= 31
    for half_orbit in found:
        expected = night_h if half_orbit.direction == 1 else (night_h + 12.0) % 24.0
        assert node_local_time(half_orbit) == pytest.approx(expected, abs=0.3)
        assert half_orbit.altitude_km.min() > lowest_km
        assert half_orbit.altitude_km.max() < highest_km
        climb = np.diff(half_orbit.latitude)
        assert np.all(climb > 0 if half_orbit.direction == 1 else climb < 0)


def test_cses_half_orbits_last_as_long_as_real_ones() -> None:
    for half_orbit in half_orbits("cses", day("2019-11-01"), day("2019-11-02")):
        minutes = len(half_orbit.time) / 60.0
        assert 37.0 < minutes < 38.0
        inside = np.count_nonzero(np.abs(half_orbit.latitude) <= 65.0) / 60.0
        assert 34.0 < inside < 37.0


def test_numbers_and_directions_alternate() -> None:
    names = [h.name for h in half_orbits("cses", day("2019-10-31T23:00"), day("2019-11-01T12:00"))]
    assert names[:3] == ["096790", "096791", "096800"]
    halves = [2 * int(name[:5]) + int(name[5]) for name in names]
    assert set(np.diff(halves).tolist()) == {1}


def test_a_half_orbit_is_the_same_in_every_range() -> None:
    whole = {h.name: h for h in half_orbits("cses", day("2021-01-01"), day("2021-01-03"))}
    parts = [
        *half_orbits("cses", day("2021-01-01"), day("2021-01-02")),
        *half_orbits("cses", day("2021-01-02"), day("2021-01-03")),
    ]
    assert [h.name for h in parts] == list(whole)
    for part in parts:
        same = whole[part.name]
        np.testing.assert_array_equal(part.time, same.time)
        np.testing.assert_array_equal(part.longitude, same.longitude)


def test_demeter_is_lowered_in_december_2005() -> None:
    found = list(half_orbits("demeter", day("2005-12-14"), day("2005-12-18")))
    numbers = [2 * h.orbit + h.direction for h in found]
    assert numbers == sorted(set(numbers))
    assert found[0].altitude_km.mean() - found[-1].altitude_km.mean() > 40.0


def test_unknown_mission_is_named() -> None:
    with pytest.raises(ValueError, match=r"'swarm' is unknown; valid: cses, demeter"):
        next(half_orbits("swarm", day("2019-01-01"), day("2019-01-02")))


def test_real_elements_give_the_real_half_orbit(shared_data: Path, real_hpm: Path) -> None:
    found = sorted(shared_data.glob("tle_cses01_*.txt"))
    if not found:
        pytest.skip("../shared/data is absent: no tle_cses01_*.txt in it")
    lines = found[0].read_text(encoding="ascii").splitlines()
    satrec = Satrec.twoline2rv(lines[1], lines[2])
    one = next(
        h
        for h in half_orbits("cses", day("2019-11-01"), day("2019-11-01T02:00"), satrec)
        if h.name == "096791"
    )
    with h5py.File(real_hpm) as file:
        verse = file["VERSE_TIME"][:, 0]
        latitude, longitude = file["GEO_LAT"][:, 0], file["GEO_LON"][:, 0]
        altitude, mag_latitude = file["ALTITUDE"][:, 0], file["MAG_LAT"][:, 0]
    seconds = (one.time - day("2009-01-01")).astype("timedelta64[ms]").astype(np.int64)
    _, ours, theirs = np.intersect1d(seconds, verse, return_indices=True)
    assert len(theirs) > 2000
    # The elements are 17 days younger than the file.
    np.testing.assert_allclose(one.latitude[ours], latitude[theirs], atol=1.0)
    np.testing.assert_allclose(one.longitude[ours], longitude[theirs], atol=1.0)
    np.testing.assert_allclose(one.altitude_km[ours], altitude[theirs], atol=5.0)
    axis = geometry.dipole_axes(one.time[0])[2]
    dipole = np.rad2deg(np.arcsin(geometry.unit_vector(latitude, longitude) @ axis))
    np.testing.assert_allclose(dipole, mag_latitude, atol=0.2)
