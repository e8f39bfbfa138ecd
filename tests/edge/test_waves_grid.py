"""The profile `waves` on simulated half-orbits: every column is filled."""

from __future__ import annotations

import numpy as np
import pytest

from edge.grid import make_grid
from edge.observables import WAVES
from edge.readers.names import parse_name
from edge.readers.opening import read_half_orbit

pytest.importorskip("sgp4")


def test_the_wave_files_of_cses_fill_all_sixteen_columns(tmp_path):
    from trainer.simulate.cses_waves import write_waves
    from trainer.simulate.orbits import half_orbits

    first, last = (np.datetime64(f"2020-03-20T0{h}:00", "ms") for h in (0, 2))
    night = next(h for h in half_orbits("cses", first, last) if h.direction == 1)
    paths = write_waves(tmp_path, night, seed=5, bins=256)
    assert [parse_name(p).payload for p in paths] == ["EFD_2", "EFD_3", "SCM_2", "SCM_3"]
    half_orbit = read_half_orbit({p: parse_name(p) for p in paths}, WAVES.payloads("cses"))
    assert not half_orbit.failed
    grid = make_grid(half_orbit, WAVES)
    assert grid.values.shape[1] == 16
    assert grid.present.all()
    assert grid.valid.all()
    # A power law falls from band to band.
    for instrument in (slice(0, 8), slice(8, 16)):
        assert np.all(np.diff(grid.values[:, instrument].mean(axis=0)) < 0.0)
