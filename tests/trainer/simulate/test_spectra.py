"""Native spectra give back the wave state through the readers of the edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.observables import WAVES as PROFILE
from edge.readers import read_payload
from edge.readers.names import parse_name
from trainer.simulate import cses_waves, demeter_files
from trainer.simulate.background import background, mean_waves
from trainer.simulate.cses_waves import FEWEST_WAVE_BINS, WAVES
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.parameters import BANDS
from trainer.simulate.plagues import NO_PLAGUES
from trainer.simulate.sampling import nearest
from trainer.simulate.spectra import TRANSMITTERS, band_columns, draw_spectra, heard
from trainer.simulate.waves import lightning_activity

DAY = {"cses": np.datetime64("2019-11-01"), "demeter": np.datetime64("2006-05-01")}


def loudest_night(mission: str) -> Pass:
    """The night half-orbit of a day that hears transmitters below 17 kHz best."""
    nights = half_orbits(mission, DAY[mission], DAY[mission] + np.timedelta64(1, "D"))
    return max((h for h in nights if h.direction == 1), key=lambda h: heard(h)[:, :12].max())


def write(folder: Path, mission: str, state: np.ndarray, night: Pass, bins: int) -> list[Path]:
    if mission == "cses":
        return cses_waves.write_waves(folder, night, 1, bins=bins, state=state)
    return [
        demeter_files.write_waves(folder, apid, night, np.random.default_rng(1), NO_PLAGUES, state)
        for apid in (1132, 1137)
    ]


@pytest.mark.parametrize(
    ("mission", "bins"), [("cses", FEWEST_WAVE_BINS), ("cses", 256), ("demeter", 0)]
)
def test_readers_give_the_state_back(tmp_path: Path, mission: str, bins: int) -> None:
    night = loudest_night(mission)
    state = background(night, np.random.SeedSequence(1), False, waves=True).waves
    assert state is not None
    paths = write(tmp_path, mission, state, night, bins)
    payloads = {parse_name(p).payload: p for p in paths}
    wanted = PROFILE.payloads(mission)
    assert set(wanted) == set(payloads)
    for column, observable in enumerate(PROFILE.observables):
        source = observable.sources[mission]
        read = read_payload(payloads[source.payloads[0]], wanted[source.payloads[0]])
        channel = read.channels[source.name]
        # Files of EFD count in mV^2.
        shift = 6.0 if channel.unit.startswith("mV") else 0.0
        assert channel.valid.all()
        seconds = (channel.track.time - night.time[0]) / np.timedelta64(1, "s")
        expected = state[nearest(seconds, len(night.time)), column]
        # Times are rounded to milliseconds: half a second can fall to either side.
        close = np.abs(seconds % 1.0 - 0.5) > 0.01
        np.testing.assert_allclose(
            np.log10(channel.values[close]) + shift, expected[close], atol=2e-4
        )


def test_lines_stand_in_the_spectra_and_leave_the_bands() -> None:
    night = loudest_night("demeter")
    bands = np.full((len(night.time), 8), -1.0)
    frequency = demeter_files.FREQUENCY
    log = draw_spectra(night, bands, frequency, 0.0, np.random.default_rng(1))
    loud = heard(night)
    for place, (name, hz, _, _) in enumerate(TRANSMITTERS):
        row = int(np.argmax(loud[:, place]))
        if hz > frequency[-1] or loud[row, place] < 0.5:
            continue
        column = int(np.argmin(np.abs(frequency - hz)))
        assert log[row, column] > log[row, column + 3] + 0.4, name
    for columns in band_columns(frequency):
        mean = np.log10(np.mean(10.0 ** log[:, columns], axis=1))
        np.testing.assert_allclose(mean, -1.0, atol=1e-9)


def test_every_number_of_bins_keeps_two_in_each_band() -> None:
    for payload, bands in (("EFD_2", BANDS[:5]), ("EFD_3", BANDS[5:]), ("SCM_2", BANDS[:5]),
                           ("SCM_3", BANDS[5:])):  # fmt: skip
        for bins in range(FEWEST_WAVE_BINS, 1025):
            step = 0.5 * WAVES[payload].sampling_hz / bins
            frequency = (np.arange(bins) * step).astype(np.float32)
            found = band_columns(frequency.astype(np.float64))
            assert min(len(found[BANDS.index(band)]) for band in bands) >= 2


def test_lightning_has_three_chimneys_at_night() -> None:
    time = np.full(4, np.datetime64("2019-10-01T00:00", "ms"))
    latitude, longitude = np.array([2.0, 4.0, 0.0, 0.0]), np.array([20.0, -70.0, 115.0, -140.0])
    # Each place at its own 22 h of local time.
    time = time + ((22.0 - longitude / 15.0) % 24.0 * 3.6e6).astype("timedelta64[ms]")
    found = np.array(
        [lightning_activity(t[None], *x)[0] for t, x in zip(
            time, zip(latitude[:, None], longitude[:, None], strict=True), strict=True)]
    )  # fmt: skip
    assert np.all(found[:3] > 0.5)
    assert found[3] < 0.2
    noon = lightning_activity(
        np.array(["2019-10-01T10:40"], "datetime64[ms]"), latitude[:1], longitude[:1]
    )
    assert noon[0] < 0.5 * found[0]


def test_hiss_rises_towards_middle_latitudes() -> None:
    night = loudest_night("cses")
    mean = mean_waves(night)
    at = [int(np.argmin(np.abs(night.latitude - d))) for d in (0.0, 55.0)]
    assert mean[at[1], 3] > mean[at[0], 3] + 0.5
    assert mean[at[1], 11] > mean[at[0], 11] + 0.5
