"""Ground tracks without sampling: against the half-orbits themselves."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.research.memory.tracks import MARGIN_KM, Tracks
from trainer.simulate.geometry import great_circle_km

FIRST = {"cses": "2020-03-01", "demeter": "2006-03-01"}


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_tracks_are_those_of_the_half_orbits(mission: str) -> None:
    first = np.datetime64(FIRST[mission])
    tracks = Tracks(mission, first, first + np.timedelta64(11, "D"))  # type: ignore[arg-type]
    assert 140 < tracks.orbit.size < 170
    for place in (0, tracks.orbit.size // 2, tracks.orbit.size - 1):
        half_orbit = tracks.half_orbit(place)
        assert half_orbit.orbit == tracks.orbit[place]
        assert half_orbit.direction == 1
        for latitude in (-40.0, 0.0, 40.0):
            when, where = tracks.at(latitude)
            row = int(np.argmin(np.abs(half_orbit.latitude - latitude)))
            apart = (half_orbit.time[row] - when[place]) / np.timedelta64(1, "s")
            assert abs(apart) < 10.0
            assert abs((half_orbit.longitude[row] - where[place] + 180.0) % 360.0 - 180.0) < 0.1


def test_near_finds_every_half_orbit_that_comes_near() -> None:
    first = np.datetime64("2020-03-01")
    tracks = Tracks("cses", first, first + np.timedelta64(3, "D"))
    latitude, longitude, radius = 20.0, 121.0, 400.0
    span = first + np.timedelta64(6, "h"), first + np.timedelta64(54, "h")
    found = set(tracks.near(latitude, longitude, radius, *span).tolist())
    low, high = np.searchsorted(tracks.time, span)
    for place in range(low, high):
        h = tracks.half_orbit(place)
        distance = great_circle_km(h.latitude, h.longitude, latitude, longitude).min()
        assert distance > radius or place in found
        assert distance < radius + 2.0 * MARGIN_KM or place not in found


def test_days_without_a_steady_orbit_are_left_out() -> None:
    first = np.datetime64("2005-12-11")
    tracks = Tracks("demeter", first, first + np.timedelta64(9, "D"))
    days = np.unique(tracks.time.astype("datetime64[D]"))
    assert np.datetime64("2005-12-15") not in days
    assert np.datetime64("2005-12-12") in days
    assert np.datetime64("2005-12-18") in days
    for place in range(0, tracks.orbit.size, 9):
        assert tracks.half_orbit(place).orbit == tracks.orbit[place]
