"""Spectra of CSES-01 payloads: from amplitudes, waveforms and bins to the power of bands.

Notes
-----
Where a file has no spectra they are computed from its waveform as
``scipy.signal.periodogram(x, fs, "hann", detrend="constant")`` defines them: one-sided power
spectral density of each packet, mean taken off; the mean over the packets of a record is
Welch's estimate without overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.observables import FEWEST_BINS, Band
from edge.readers.bands import band_bins, band_powers


class BandMeans:
    """Mean linear power of bands, block of records by block.

    Parameters
    ----------
    frequency : ndarray, shape (M,)
        Hz.
    bands : sequence of tuple of float
        K bands.
    records : int
        Records in all blocks together.
    """

    def __init__(self, frequency: FloatArray, bands: Sequence[Band], records: int) -> None:
        self._frequency, self._bands = frequency, bands
        self.values = np.zeros((records, len(bands)))
        self.valid = np.zeros((records, len(bands)), dtype=np.bool_)
        self._done = 0
        self._runs = [_runs(band_bins(frequency, band)) for band in bands]

    def add(self, values: FloatArray, valid: BoolArray | None, power: int, factor: float) -> None:
        """Take the next block.

        Parameters
        ----------
        values : ndarray, shape (B, M)
            Amplitude or power density; changed in place.
        valid : ndarray of bool, shape (B, M), or None
            None where all are valid and above zero.
        power : {1, 2}
            Of `values` in the power density.
        factor : float
            Of the result.
        """
        rows = slice(self._done, self._done + values.shape[0])
        self._done = rows.stop
        if valid is not None:
            if power == 2:
                with np.errstate(over="ignore"):
                    np.square(values, out=values)
            values[~valid] = np.nan
            means, self.valid[rows] = band_powers(values, self._frequency, self._bands)
            self.values[rows] = means * factor
            return
        # Nearly every block is whole: no masks, and views instead of copies of the bins.
        for k, runs in enumerate(self._runs):
            count = sum(stop - start for start, stop in runs)
            if count < FEWEST_BINS:
                continue
            total = np.zeros(values.shape[0])
            for start, stop in runs:
                part = values[:, start:stop]
                total += np.einsum("ij,ij->i", part, part) if power == 2 else part.sum(axis=1)
            self.values[rows, k] = total * (factor / count)
            self.valid[rows, k] = True


def _runs(bins: BoolArray) -> list[tuple[int, int]]:
    """First and one past the last of each run of marked bins."""
    padded = np.concatenate(([False], bins, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def packet_frequencies(samples: int, sampling_hz: float) -> FloatArray:
    """Frequencies of the spectrum of one packet in Hz, shape (samples // 2 + 1,)."""
    return np.fft.rfftfreq(samples, 1.0 / sampling_hz)


def packet_spectra(packets: FloatArray, sampling_hz: float) -> FloatArray:
    """One-sided power spectral density of packets, Hann window, mean taken off.

    Parameters
    ----------
    packets : ndarray, shape (B, L)
        Waveforms; a packet with a NaN gives NaN.
    sampling_hz : float

    Returns
    -------
    ndarray, shape (B, L // 2 + 1)
        In the waveform's unit squared per Hz.

    Notes
    -----
    Scaled as ``scipy.signal.periodogram`` with ``scaling="density"``: 2 |X|^2 / (fs sum w^2),
    without the factor 2 at zero and at the Nyquist frequency.
    """
    samples = packets.shape[1]
    # Periodic, as scipy.signal.get_window gives it for spectra.
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(samples) / samples)
    spectrum = np.fft.rfft((packets - packets.mean(axis=1, keepdims=True)) * window, axis=1)
    density: FloatArray = spectrum.real**2 + spectrum.imag**2
    density *= 2.0 / (sampling_hz * np.sum(window**2))
    density[:, 0] *= 0.5
    if samples % 2 == 0:
        density[:, -1] *= 0.5
    return density


def record_spectra(waveform: FloatArray, valid: BoolArray, samples: int, fs: float) -> FloatArray:
    """Mean spectrum of the whole packets of each record.

    Parameters
    ----------
    waveform : ndarray, shape (B, K * L)
        K packets a record.
    valid : ndarray of bool, shape of `waveform`
        A packet with an invalid sample is left out.
    samples : int
        L.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray, shape (B, L // 2 + 1)
        NaN for a record without a whole packet.
    """
    records = waveform.shape[0]
    packets = waveform.reshape(-1, samples)
    whole = valid.reshape(-1, samples).all(axis=1)
    density = packet_spectra(np.where(whole[:, None], packets, 0.0), fs)
    k = packets.shape[0] // max(records, 1)
    if k <= 1:
        density[~whole] = np.nan
        return density
    density[~whole] = 0.0
    count = whole.reshape(records, k).sum(axis=1)
    total: FloatArray = density.reshape(records, k, -1).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)
