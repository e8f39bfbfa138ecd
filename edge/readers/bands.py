"""From spectra to the mean power of bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.observables import FEWEST_BINS, NOTCH_HALF_WIDTH_HZ, TRANSMITTER_LINES_HZ, Band


def band_bins(frequency: FloatArray, band: Band) -> BoolArray:
    """Mark the bins of a band, those of transmitter lines left out.

    Parameters
    ----------
    frequency : ndarray, shape (M,)
        Centres of the bins in Hz.
    band : tuple of float
        Lowest (in it) and highest (not in it) frequency in Hz.

    Returns
    -------
    ndarray of bool, shape (M,)
    """
    low, high = band
    inside: BoolArray = (frequency >= low) & (frequency < high)
    for line in TRANSMITTER_LINES_HZ:
        if low - NOTCH_HALF_WIDTH_HZ <= line <= high + NOTCH_HALF_WIDTH_HZ:
            inside &= np.abs(frequency - line) > NOTCH_HALF_WIDTH_HZ
    return inside


def band_powers(
    power: FloatArray, frequency: FloatArray, bands: Sequence[Band]
) -> tuple[FloatArray, BoolArray]:
    """Mean power of each band.

    Parameters
    ----------
    power : ndarray, shape (N, M)
        Power spectral density; NaN, or not above zero, where not valid.
    frequency : ndarray, shape (M,)
        Hz.
    bands : sequence of tuple of float
        K bands.

    Returns
    -------
    values : ndarray, shape (N, K)
        Mean over the valid bins, in the unit of `power`.
    valid : ndarray of bool, shape (N, K)
        False where the band has fewer than two bins, or fewer than half of them valid.
    """
    n = power.shape[0]
    values = np.zeros((n, len(bands)))
    valid = np.zeros((n, len(bands)), dtype=np.bool_)
    for k, band in enumerate(bands):
        bins = band_bins(frequency, band)
        if int(bins.sum()) < FEWEST_BINS:
            continue
        inside = power[:, bins]
        with np.errstate(invalid="ignore"):
            good = np.isfinite(inside) & (inside > 0.0)
        count = good.sum(axis=1)
        total = np.where(good, inside, 0.0).sum(axis=1)
        values[:, k] = total / np.maximum(count, 1)
        valid[:, k] = (count >= FEWEST_BINS) & (2 * count >= bins.sum())
    return values, valid
