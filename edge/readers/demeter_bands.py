"""The kernel that sums the power of bands straight from the bytes of N1 records.

Apart from the reader, so that numba is loaded only where bands are asked for.
"""

from __future__ import annotations

import math

import numpy as np

from edge.arrays import AnyArray
from edge.jit import kernel, warm_up
from edge.readers.demeter_tables import LOG_POWER

_MAX_LOG = np.float32(LOG_POWER[1])
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
# 10**x = 2**n * 2**r, with n the integer nearest to x log2(10) and |r| <= 1/2.
_LOG2_10 = math.log2(10.0)
_HIGH = np.float32(_LOG2_10)
_LOW = np.float32(_LOG2_10 - float(_HIGH))
# Added to a small number, 1.5 * 2**23 rounds it to an integer, which is then in the lowest
# bits of the sum.
_ROUND = np.float32(12_582_912.0)
_EXPONENT = np.uint64(23)
_ALL = np.uint64(0xFFFFFFFF)
# Taylor series of 2**r: the first term left out is 1.2e-7 of the sum at the most.
_C1, _C2, _C3, _C4, _C5, _C6 = (
    np.float32(math.log(2.0) ** k / math.factorial(k)) for k in range(1, 7)
)
_16 = np.uint32(16)
_8, _24 = np.uint32(8), np.uint32(24)
_BYTE_1, _BYTE_2 = np.uint32(0xFF00), np.uint32(0xFF0000)
# Eight sums side by side. Unsigned, so that no index is checked for counting from the end.
_AFTER_1, _AFTER_2, _AFTER_3, _AFTER_4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_AFTER_5, _AFTER_6, _AFTER_7 = np.uint64(5), np.uint64(6), np.uint64(7)


@kernel
def sum_bands(
    raw: AnyArray,
    offset: int,
    nbf: int,
    low: int,
    high: int,
    runs: AnyArray,
    total: AnyArray,
    count: AnyArray,
) -> None:
    """Add up the power in the bins of each band.

    Parameters
    ----------
    raw : ndarray of uint8, shape (N, bytes of a record)
        Records of one type.
    offset : int
        Byte of a record where its spectra begin: big-endian float32 logarithms (base 10).
    nbf : int
        Values of a spectrum.
    low, high : int
        First bin, and the one after the last, of all bands.
    runs : ndarray of int64, shape (R, 3)
        Band, first bin, bin after the last, for each run of neighbouring bins.
    total : ndarray of float64, shape (K, N, spectra of a record)
        Receives the sum of the valid powers; zeros before.
    count : ndarray of int64, shape of `total`
        Receives the number of valid bins; zeros before.

    Notes
    -----
    Powers are float32, from a polynomial for 2**r: the mean of a band is within 1e-5 of
    float64 arithmetic. Each loop does one thing over a buffer in the cache, which lets the
    compiler use vector instructions; one spectrum at a time.
    """
    width = high - low
    source = np.zeros(4 * width, dtype=np.uint8)
    words = source.view(np.uint32)
    logs = source.view(np.float32)
    rounded = np.zeros(width, dtype=np.float32)
    rounded_bits = rounded.view(np.uint32)
    power = np.zeros(width, dtype=np.float32)
    power_bits = power.view(np.uint32)
    for record in range(raw.shape[0]):
        for spectrum in range(total.shape[2]):
            start = offset + 4 * (spectrum * nbf + low)
            row = raw[record, start:]
            for j in range(width):
                words[j] = (
                    (np.uint32(row[4 * j]) << _24)
                    | (np.uint32(row[4 * j + 1]) << _16)
                    | (np.uint32(row[4 * j + 2]) << _8)
                    | np.uint32(row[4 * j + 3])
                )
            bad = 0
            for j in range(width):
                log = logs[j]
                good = abs(log) <= _MAX_LOG
                bad += not good
                log = log if good else _ZERO
                product = log * _HIGH
                near = product + _ROUND
                rounded[j] = near
                r = (product - (near - _ROUND)) + log * _LOW
                series = _C3 + r * (_C4 + r * (_C5 + r * _C6))
                series = _ONE + r * (_C1 + r * (_C2 + r * series))
                power[j] = series if good else _ZERO
            # The lowest bits of the rounded number, moved to the exponent, multiply by 2**n.
            for j in range(width):
                power_bits[j] = (power_bits[j] + (rounded_bits[j] << _EXPONENT)) & _ALL
            for run in range(runs.shape[0]):
                band, first, after = runs[run, 0], runs[run, 1] - low, runs[run, 2] - low
                whole = first + (after - first) // 8 * 8
                a, b, c, d = _ZERO, _ZERO, _ZERO, _ZERO
                e, f, g, h = _ZERO, _ZERO, _ZERO, _ZERO
                for j in range(first, whole, 8):
                    at = np.uint64(j)
                    a += power[at]
                    b += power[at + _AFTER_1]
                    c += power[at + _AFTER_2]
                    d += power[at + _AFTER_3]
                    e += power[at + _AFTER_4]
                    f += power[at + _AFTER_5]
                    g += power[at + _AFTER_6]
                    h += power[at + _AFTER_7]
                for j in range(whole, after):
                    a += power[j]
                total[band, record, spectrum] += ((a + b) + (c + d)) + ((e + f) + (g + h))
                if bad == 0:
                    count[band, record, spectrum] += after - first
                else:
                    for j in range(first, after):
                        count[band, record, spectrum] += power[j] > _ZERO


def warm_up_bands() -> str:
    """Have the kernel compiled and kept, and say so; see `edge.jit.warm_up`."""
    raw, runs = np.zeros((1, 4), dtype=np.uint8), np.array([[0, 0, 1]])
    return warm_up(
        sum_bands, raw, 0, 1, 0, 1, runs, np.zeros((1, 1, 1)), np.zeros((1, 1, 1), dtype=np.int64)
    )
