"""Alarms, precision and recall of a stream's windows, summed by stretches of time.

What one event can reach lies in one stretch or two, so that stretches are what is resampled.
"""

from __future__ import annotations

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from trainer.datasets.labels import POSITIVE
from trainer.datasets.stream import StreamWindows
from trainer.evaluation.decide import alarm_starts


def stretches(stream: StreamWindows, begin: np.datetime64) -> IntArray:
    """Give each window the number of its stretch of time: what one event can reach.

    Parameters
    ----------
    stream : StreamWindows
        n windows.
    begin : datetime64
        UTC at which the first stretch begins.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    lead = stream.labeller.lead.astype("timedelta64[ms]").astype(np.int64)
    since = (stream.time - begin).astype("timedelta64[ms]").astype(np.int64)
    result: IntArray = since // max(int(lead), 3_600_000)
    return result


def rate_sums(over: BoolArray, stream: StreamWindows, number: IntArray, spans: int) -> FloatArray:
    """Count in each stretch what rates are made of.

    Parameters
    ----------
    over : ndarray of bool, shape (n,)
        At or above the threshold.
    stream : StreamWindows
        Excluded labels count as not positive.
    number : ndarray of int64, shape (n,)
        Stretch of each window, from 0.
    spans : int
        Stretches.

    Returns
    -------
    ndarray, shape (spans, 6)
        Alarms, alarmed windows, positive windows, those that are both, windows, half-orbits.
    """
    windows = stream.windows
    positive = windows.label == POSITIVE
    columns = [alarm_starts(over, windows), over, positive, over & positive]
    sums = [np.bincount(number, c, spans) for c in columns]
    sums.append(np.bincount(number, minlength=spans).astype(np.float64))
    first = np.unique(windows.half_orbit, return_index=True)[1]
    passes = np.bincount(number[first], minlength=spans).astype(np.float64)
    # Half-orbits without a window that covers enough lie anywhere in the block.
    passes += (stream.half_orbits - passes.sum()) / spans
    return np.stack([*sums, passes], axis=1)


def rate_ratios(sums: FloatArray) -> dict[str, FloatArray]:
    """Make rates of sums.

    Parameters
    ----------
    sums : ndarray, shape (b, 6)
        As `rate_sums` has the columns.

    Returns
    -------
    dict of str to ndarray, shape (b,)
        NaN where there is nothing to take a share of.
    """
    alarms, alarmed, wanted, hits, every, half_orbits = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "alarms_per_night_half_orbit": alarms / half_orbits,
            "alarmed_share": alarmed / every,
            "base_rate": wanted / every,
            "precision": hits / alarmed,
            "recall": hits / wanted,
        }
