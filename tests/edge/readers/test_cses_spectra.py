"""Spectra and bands of EFD and SCM; the oracles are plain h5py and scipy.signal."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy import signal

from edge.errors import InputError
from edge.observables import TRANSMITTER_LINES_HZ, band_name
from edge.readers import read_payload
from edge.readers.cses_spectra import packet_spectra
from edge.readers.cses_tables import CONFIRMED_BY, PAYLOADS
from edge.show.describe import describe

ELECTRIC, MAGNETIC = "mV^2/m^2/Hz", "nT^2/Hz"
WAVES = ["EFD_1", "EFD_2", "EFD_3", "SCM_1", "SCM_2", "SCM_3"]


def stored(path, name) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][...].astype(np.float64).squeeze()


def expected_mean(power, frequency, band) -> np.ndarray:
    inside = (frequency >= band[0]) & (frequency < band[1])
    for line in TRANSMITTER_LINES_HZ:
        inside &= ~((frequency >= line - 100.0) & (frequency <= line + 100.0))
    return power[:, inside].mean(axis=1)


def waveform(n=40, samples=2048, seed=1) -> np.ndarray:
    # The large constant is that of real ULF files.
    return np.random.default_rng(seed).normal(-131.0, 2.0, (n, samples))


@pytest.mark.parametrize("payload", WAVES)
def test_spectra_are_given_as_power_with_their_frequencies(make_cses, payload):
    path = make_cses(payload)
    read = read_payload(path)
    assert read.notes == ()
    for name in [d for d in PAYLOADS[payload].datasets if d.endswith("_P")]:
        channel = read.channels[name]
        raw = stored(path, name)
        electric = payload.startswith("EFD")
        np.testing.assert_allclose(channel.values, raw**2 if electric else raw, rtol=1e-15)
        assert channel.unit == (ELECTRIC if electric else MAGNETIC)
        np.testing.assert_array_equal(channel.frequency, stored(path, "FREQ"))
        assert channel.valid.all()


@pytest.mark.parametrize(
    ("payload", "name", "bands"),
    [
        ("EFD_1", "A111_P", ((1.0, 5.0), (5.0, 20.0))),
        ("EFD_2", "A121_P", ((40.0, 100.0), (1200.0, 2100.0))),
        ("EFD_3", "A132_P", ((2300.0, 5000.0), (10_000.0, 17_000.0))),
        ("SCM_3", "A251_P", ((10_000.0, 17_000.0),)),
    ],
)
@pytest.mark.parametrize("n", [1, 40, 600])
def test_a_band_is_the_mean_of_the_linear_power_of_its_bins(make_cses, payload, name, bands, n):
    path = make_cses(payload, n=max(n, 2) if n == 1 else n)
    read = read_payload(path, {name: bands})
    assert list(read.channels) == [band_name(name, b) for b in bands]
    raw, frequency = stored(path, name), stored(path, "FREQ")
    power = raw**2 if payload.startswith("EFD") else raw
    for band in bands:
        channel = read.channels[band_name(name, band)]
        assert channel.valid.all()
        assert channel.unit == (ELECTRIC if payload.startswith("EFD") else MAGNETIC)
        np.testing.assert_allclose(
            channel.values, expected_mean(power, frequency, band), rtol=1e-12
        )


def test_bands_beyond_the_frequencies_or_of_one_bin_are_masked(make_cses):
    bands = ((3000.0, 4000.0), (40.0, 42.0), (40.0, 100.0))
    channels = read_payload(make_cses("EFD_2"), {"A121_P": bands}).channels
    assert [c.valid.any() for c in channels.values()] == [False, False, True]
    alone = read_payload(make_cses("EFD_2"), {"A121_P": bands[:1]}).channels
    assert not next(iter(alone.values())).valid.any()


@pytest.mark.parametrize("bad", [np.nan, -9999.0, 99999.0, 0.0, -1.0])
def test_an_invalid_bin_costs_that_bin_and_not_its_band(make_cses, bad):
    raw = np.random.default_rng(0).uniform(1.0, 2.0, (40, 1024))
    raw[3, 20] = bad
    raw[5, 10:40] = bad
    path = make_cses("EFD_2", A121_P=raw)
    band = (40.0, 100.0)
    channel = read_payload(path, {"A121_P": (band,)}).channels[band_name("A121_P", band)]
    assert np.flatnonzero(~channel.valid).tolist() == [5]
    frequency = stored(path, "FREQ")
    inside = np.flatnonzero((frequency >= 40.0) & (frequency < 100.0))
    assert 20 in inside
    kept = inside[inside != 20]
    assert channel.values[3] == pytest.approx(np.mean(raw[3, kept] ** 2), rel=1e-12)
    whole = read_payload(path, {"A121_P": ()}).channels["A121_P"]
    assert not whole.valid[3, 20]
    assert whole.valid.sum() == 40 * 1024 - 31


@pytest.mark.parametrize(
    ("payload", "name", "unit", "power", "factor"),
    [
        ("EFD_2", "A121_P", "mV/m/sqrt(Hz)", 2, 1.0),
        ("EFD_2", "A121_P", "(mV/m)^2/Hz", 1, 1.0),
        ("EFD_2", "A121_P", "uV^2/m^2/Hz", 1, 1e-6),
        ("SCM_2", "A241_P", "nT/Hz^(1/2)", 2, 1.0),
        ("SCM_2", "A241_P", "nT^2/Hz", 1, 1.0),
    ],
)
def test_the_unit_tells_amplitude_from_power(make_cses, payload, name, unit, power, factor):
    path = make_cses(payload, attributes={name: {"units": unit}})
    read = read_payload(path, {name: ()})
    assert read.notes == ()
    np.testing.assert_allclose(
        read.channels[name].values, stored(path, name) ** power * factor, rtol=1e-14
    )


@pytest.mark.parametrize(("text", "said"), [(None, "without a unit"), ("mV/m", "in 'mV/m'")])
def test_a_unit_that_does_not_tell_leaves_it_to_the_table_with_a_note(make_cses, text, said):
    path = make_cses("EFD_2", attributes={"A121_P": {"units": text}})
    read = read_payload(path, {"A121_P": ()})
    assert read.notes == (f"A121_P is {said}: taken for mV/m/Hz^0.5",)
    np.testing.assert_allclose(read.channels["A121_P"].values, stored(path, "A121_P") ** 2)
    path = make_cses("SCM_2", attributes={"A241_P": {"units": "nT"}})
    read = read_payload(path, {"A241_P": ()})
    assert read.notes == ("A241_P is in 'nT': taken for nT^2/Hz",)
    np.testing.assert_array_equal(read.channels["A241_P"].values, stored(path, "A241_P"))


def test_an_unknown_spectral_unit_is_refused_with_the_known_ones(make_cses, refused):
    path = make_cses("SCM_2", attributes={"A241_P": {"units": "dB"}})
    refused(path, "dataset A241_P is in 'dB'", "known is nT^2/Hz or nT/Hz^0.5")


# Frequencies.


def test_another_width_is_read_where_freq_agrees(make_cses, refused):
    raw = np.random.default_rng(0).uniform(1.0, 2.0, (40, 128))
    others = {"A112_P": None, "A113_P": None}
    path = make_cses("EFD_1", A111_P=raw, FREQ=np.linspace(0.0, 62.0, 128), **others)
    assert read_payload(path, {"A111_P": ()}).channels["A111_P"].values.shape == (40, 128)
    path = make_cses("EFD_1", A111_P=raw, **others)
    refused(path, "dataset A111_P has shape (40, 128), not (N, 42)")


@pytest.mark.parametrize("shape", [(42,), (42, 1), (1, 42)])
def test_freq_is_a_row_or_a_column(make_cses, shape):
    path = make_cses("EFD_1", FREQ=np.linspace(0.0, 20.0, 42).reshape(shape))
    assert read_payload(path).channels["A111_P"].frequency.shape == (42,)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.linspace(20.0, 0.0, 42), "FREQ does not increase"),
        (np.full(42, np.nan), "FREQ does not increase"),
        (np.linspace(-1.0, 20.0, 42), "FREQ does not increase"),
        (np.ones((6, 7)), "FREQ has shape (6, 7), not (M, 1)"),
        (None, "dataset FREQ is missing"),
    ],
)
def test_impossible_frequencies_are_refused(make_cses, refused, values, words):
    refused(make_cses("EFD_1", FREQ=values), words)


def test_frequencies_in_another_unit_are_refused(make_cses, refused):
    refused(make_cses("EFD_1", attributes={"FREQ": {"units": "kHz"}}), "FREQ is in 'kHz'")


# From waveforms.


@pytest.mark.parametrize("samples", [256, 4096, 255])
def test_packet_spectra_are_those_of_scipy(samples):
    packets = waveform(7, samples)
    expected = signal.periodogram(packets, 1024.0, "hann", detrend="constant", axis=1)[1]
    # Zero is what is left of the mean, relative to the waveform's power.
    np.testing.assert_allclose(packet_spectra(packets, 1024.0), expected, rtol=1e-9, atol=1e-20)


RATES = {
    **{"EFD_1": 125.0, "EFD_2": 5000.0, "EFD_3": 50_000.0},
    **{"SCM_1": 1024.0, "SCM_2": 10_240.0, "SCM_3": 51_200.0},
}


@pytest.mark.parametrize("payload", WAVES)
def test_without_spectra_they_are_computed_from_the_waveform(make_cses, payload):
    numbers = next(iter(PAYLOADS[payload].datasets))[:3]
    samples = PAYLOADS[payload].datasets[f"{numbers}1_W"].columns
    wave = waveform(40, samples)
    gone = {f"{numbers}{k}_P": None for k in (1, 2, 3)}
    path = make_cses(payload, **gone, **{f"{numbers}1_W": wave})
    name, fs = f"{numbers}1_P", RATES[payload]
    frequency, expected = signal.periodogram(wave, fs, "hann", detrend="constant", axis=1)
    read = read_payload(path, {name: ()})
    assert read.notes == (f"no {name}: computed from {numbers}1_W at {fs:g} Hz",)
    channel = read.channels[name]
    np.testing.assert_allclose(channel.frequency, frequency)
    np.testing.assert_allclose(channel.values, expected, rtol=1e-9, atol=1e-18)
    assert channel.unit == (ELECTRIC if payload.startswith("EFD") else MAGNETIC)
    band = (0.05 * fs, 0.2 * fs)
    got = read_payload(path, {name: (band,)}).channels[band_name(name, band)]
    np.testing.assert_allclose(got.values, expected_mean(expected, frequency, band), rtol=1e-9)


@pytest.mark.parametrize("form", ["beside", "stacked", "listed"])
def test_several_packets_a_record_are_averaged_whatever_their_shape(make_cses, form):
    packets = waveform(40 * 25, 2048)
    shape = {"beside": (40, 25 * 2048), "stacked": (40, 25, 2048), "listed": (1000, 2048)}[form]
    gone = {f"A13{k}_P": None for k in (1, 2, 3)}
    path = make_cses("EFD_3", **gone, A131_W=packets.reshape(shape))
    read = read_payload(path, {"A131_P": ()})
    assert read.notes == (
        f"A131_W has shape {shape}, known is (40, 2048): taken for packets in order of time",
        "no A131_P: computed from A131_W at 50000 Hz",
    )
    expected = signal.periodogram(packets, 50_000.0, "hann", detrend="constant", axis=1)[1]
    np.testing.assert_allclose(
        read.channels["A131_P"].values, expected.reshape(40, 25, -1).mean(axis=1), rtol=1e-9
    )


def test_packets_with_invalid_samples_are_left_out(make_cses):
    packets = waveform(40 * 2, 2048)
    packets[6, 100] = np.nan
    packets[[10, 11], 5] = -9999.0
    gone = {f"A13{k}_P": None for k in (1, 2, 3)}
    path = make_cses("EFD_3", **gone, A131_W=packets.reshape(40, 4096))
    channel = read_payload(path, {"A131_P": ()}).channels["A131_P"]
    assert np.flatnonzero(~channel.valid.all(axis=1)).tolist() == [5]
    expected = signal.periodogram(packets[7], 50_000.0, "hann", detrend="constant")[1]
    np.testing.assert_allclose(channel.values[3], expected, rtol=1e-9)


@pytest.mark.parametrize("shape", [(39, 2048), (40, 2, 3, 4), (81, 2048), (40,)])
def test_a_waveform_of_an_impossible_shape_is_refused(make_cses, refused, shape):
    gone = {f"A13{k}_P": None for k in (1, 2, 3)}
    path = make_cses("EFD_3", **gone, A131_W=np.ones(shape)[..., None] if shape == (40,) else None)
    with h5py.File(path, "a") as file:
        file.pop("A131_W", None)
        file["A131_W"] = np.ones(shape)
    refused(path, f"dataset A131_W has shape {shape}, not (40, K x 2048)")


@pytest.mark.parametrize("shape", [(75, 2048), (0, 2048), (3, 25, 2048), (3, 51_200)])
def test_waveforms_of_burst_mode_alone_cost_nobody_the_spectra(make_cses, refused, shape):
    path = make_cses("EFD_3")
    whole = read_payload(path)
    with h5py.File(path, "a") as file:
        file["A131_W"] = np.ones(shape)
    read = read_payload(path)
    assert set(read.channels) == set(whole.channels)
    assert read.notes == (
        f"A131_W has {shape[0]} rows beside 40 spectra: of burst mode alone, not read",
    )
    described = describe(path)
    assert described.notes[1:] == list(read.notes)
    assert "A131_P" in {channel.name for channel in described.channels}
    with pytest.raises(InputError, match="dataset A131_W has shape"):
        read_payload(path, {"A131_W": ()})


@pytest.mark.parametrize("flag", [np.ones((40, 1)), np.ones(7), np.array([b"x"] * 40), 3.0])
def test_datasets_that_nobody_knows_cost_nobody_the_rest(make_cses, flag):
    path = make_cses("SCM_1")
    whole = read_payload(path)
    with h5py.File(path, "a") as file:
        file["FLAG"] = flag
        file["PhaseX"] = np.ones((40, 797))
    read = read_payload(path)
    assert list(read.channels) == list(whole.channels)
    assert read.notes == whole.notes
    assert len(describe(path).channels) > 3


def test_without_spectra_and_waveform_a_file_is_refused(make_cses, refused):
    gone = {f"A12{k}_P": None for k in (1, 2, 3)}
    refused(make_cses("EFD_2", **gone), "dataset A121_P or A121_W is missing")


# What is confirmed.


def test_every_payload_says_what_its_layout_rests_on():
    assert list(CONFIRMED_BY) == ["HPM_5", "HPM_6", "LAP_1", "LAP_2", "PAP_0", *WAVES]
    assert set(CONFIRMED_BY) == set(PAYLOADS)


def test_rows_without_a_time_are_dropped_from_bands_too(make_cses):
    path = make_cses("EFD_2")
    verse = stored(path, "VERSE_TIME").astype(np.int64)
    verse[[4, 9]] = -1
    raw = np.random.default_rng(0).uniform(1.0, 2.0, (40, 1024))
    path = make_cses("EFD_2", VERSE_TIME=verse, UTC_TIME=None, A121_P=raw)
    band = (40.0, 100.0)
    channel = read_payload(path, {"A121_P": (band,)}).channels[band_name("A121_P", band)]
    expected = expected_mean(raw**2, stored(path, "FREQ"), band)
    np.testing.assert_allclose(channel.values, np.delete(expected, [4, 9]), rtol=1e-12)
