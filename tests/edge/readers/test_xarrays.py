"""Datasets for notebooks against what plain h5py reads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from edge import open_half_orbit
from edge.errors import ConfigError
from edge.readers import read_payload
from edge.readers.names import parse_name

EPOCH_2009 = np.datetime64("2009-01-01", "ns")


def test_real_file(real_hpm: Path) -> None:
    (dataset,) = open_half_orbit(real_hpm).to_xarray().values()
    with h5py.File(real_hpm) as file:
        raw = {name: file[name][...] for name in file}
    n = raw["GEO_LAT"].shape[0]
    assert dataset.sizes == {"time": n, "component": 3, "component_q_SIM_ECI": 4}
    assert dataset.time.dtype == "datetime64[ns]"
    times = EPOCH_2009 + raw["VERSE_TIME"][:, 0].astype("timedelta64[ms]")
    np.testing.assert_array_equal(dataset.time, times)
    for name, source in (("latitude", "GEO_LAT"), ("altitude", "ALTITUDE")):
        np.testing.assert_array_equal(dataset[name], raw[source][:, 0].astype(float))
    np.testing.assert_allclose(dataset.longitude, raw["GEO_LON"][:, 0], atol=1e-5)
    quiet = raw["FLAG_MT"][:, 0] == 0
    field = np.where(quiet[:, None], raw["B_FGM"], np.nan)
    assert np.isnan(field).sum() == 3 * (~quiet).sum() > 0
    np.testing.assert_array_equal(dataset.B_FGM, field)
    assert dataset.B_FGM.dims == ("time", "component")
    assert dataset.B_FGM.attrs == {"units": "nT", "long_name": "magnetic field vector"}
    assert dataset.FLAG_MT.attrs["units"] == "1"
    assert dataset.latitude.attrs["units"] == "degrees_north"
    assert dataset.attrs == {
        "mission": "CSES-01",
        "payload": "HPM_5",
        "half_orbit": "CSES_096791",
        "orbit": 9679,
        "direction": "ascending",
        "side": "night",
        "cadence_s": 1.0,
        "source": real_hpm.name,
        "notes": dataset.attrs["notes"],
    }


def test_payloads_keep_their_own_times(simulated_cses: Path) -> None:
    files = sorted(simulated_cses.glob("*.h5"))
    key = parse_name(files[0]).half_orbit
    half_orbit = open_half_orbit([f for f in files if parse_name(f).half_orbit == key])
    datasets = half_orbit.to_xarray()
    assert datasets.keys() == half_orbit.payloads.keys()
    lap, path = datasets["LAP_1"], half_orbit.payloads["LAP_1"].path
    with h5py.File(path) as file:
        density, latitude = file["A311"][:, 0], file["GEO_LAT"][:, 0]
    row = {float(x): k for k, x in enumerate(latitude.astype(float))}
    for k in range(0, lap.sizes["time"], 50):
        value = float(lap.A311[k])
        assert np.isnan(value) or value == density[row[float(lap.latitude[k])]]
    assert lap.A311.attrs == {"units": "m^-3", "long_name": "electron density"}
    assert datasets["LAP_1"].sizes["time"] != datasets["HPM_5"].sizes["time"]
    assert lap.sel(time=lap.time[3]).A311.ndim == 0


def test_demeter(simulated_demeter: Path) -> None:
    for path in sorted(simulated_demeter.glob("*.DAT"))[:4]:
        payload = read_payload(path)
        dataset = payload.to_xarray()
        assert set(payload.channels) == set(dataset.data_vars)
        assert dataset.attrs["mission"] == "DEMETER"
        assert dataset.attrs["direction"] == "upward"
        for name, channel in payload.channels.items():
            expected = np.where(channel.valid, channel.values, np.nan)
            np.testing.assert_array_equal(dataset[name], expected)


def test_spectra_have_their_frequencies(make_cses: Callable[..., Path]) -> None:
    path = make_cses("EFD_2", 5)
    dataset = read_payload(path).to_xarray()
    with h5py.File(path) as file:
        frequency = file["FREQ"][...].reshape(-1)
    np.testing.assert_array_equal(dataset.frequency, frequency.astype(float))
    assert dataset.frequency.attrs["units"] == "Hz"
    for name in ("A121_P", "A122_P", "A123_P"):
        assert dataset[name].dims == ("time", "frequency")


@pytest.mark.parametrize("apid", ["1132", "1138", "1141", "1142", "1129"])
def test_channels_of_other_rates_have_times_of_their_own(
    apid: str, make_demeter: Callable[..., Path]
) -> None:
    payload = read_payload(make_demeter(apid, 3))
    dataset = payload.to_xarray()
    for name, channel in payload.channels.items():
        time = dataset[name].dims[0]
        np.testing.assert_array_equal(dataset[time], channel.time)
        latitude = dataset[time.replace("time", "latitude")]
        np.testing.assert_array_equal(latitude, channel.track.latitude)
        assert dataset[name].shape == channel.values.shape
    rates = {channel.values.shape[0] for channel in payload.channels.values()}
    assert len([d for d in dataset.dims if str(d).startswith("time")]) >= len(rates)


def test_without_xarray_one_line_names_the_extra(
    make_cses: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    half_orbit = open_half_orbit(make_cses("LAP_1", 12))
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ConfigError, match=r"^xarray is not installed.*extra 'report'"):
        half_orbit.to_xarray()
