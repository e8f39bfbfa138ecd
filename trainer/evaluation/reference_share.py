"""Share of the skill that a reference, which knows the simulator, has on the same windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.bundle import Metric
from edge.errors import BundleError, one_line
from edge.observables import GRID_STEP_S
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import draws, interval, numbered
from trainer.evaluation.metrics import GroupedScores
from trainer.evaluation.report.data import Estimate, Sample, estimate
from trainer.models.window_set import WindowSet

_KEYS = ("half_orbit", "first_cell", "log_ratio")
#: Below this a share of its skill would be one of noise.
_LEAST_SKILL = 0.02


def first_cells(windows: WindowSet) -> IntArray:
    """Grid cell of the first row of each window, from the time of its middle row.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    step = 1000 * GRID_STEP_S
    cell = windows.time.astype("datetime64[ms]").astype(np.int64) // step
    result: IntArray = cell - windows.length // 2
    return result


def read_reference(path: Path, windows: WindowSet) -> FloatArray:
    """Read a reference's scores of the matched windows.

    Parameters
    ----------
    path : Path
        ``.npz`` with ``half_orbit`` (text), ``first_cell`` (whole numbers) and ``log_ratio``, all
        of one length; it may have windows more.
    windows : WindowSet

    Returns
    -------
    ndarray, shape (n,)
        Logarithm of the likelihood ratio.

    Raises
    ------
    TrainError
        The file is missing or damaged, lacks a key or a window, or a score is missing.
    """
    from edge.bundle import load_arrays

    name = one_line(path.name)
    try:
        found = load_arrays(path)
    except BundleError as error:
        raise TrainError(f"reference {error}") from None
    for key in _KEYS:
        if key not in found or found[key].ndim != 1 or found[key].size != found[_KEYS[0]].size:
            raise TrainError(
                f"reference {name}: {key} is missing or has another length; valid are "
                f"{', '.join(_KEYS)} of one length"
            )
    if found["half_orbit"].dtype.kind != "U" or found["first_cell"].dtype.kind not in "iu":
        raise TrainError(f"reference {name}: half_orbit has to be text, first_cell whole numbers")
    place = {
        (str(key), int(cell)): i
        for i, (key, cell) in enumerate(zip(found["half_orbit"], found["first_cell"], strict=True))
    }
    wanted = list(zip(windows.half_orbit.tolist(), first_cells(windows).tolist(), strict=True))
    missing = [w for w in wanted if w not in place]
    if missing:
        raise TrainError(
            f"reference {name}: {len(missing)} of {len(wanted)} test windows are not in it, the "
            f"first {missing[0][0]} from cell {missing[0][1]}"
        )
    scores = found["log_ratio"].astype(np.float64)[[place[w] for w in wanted]]
    if not np.isfinite(scores).all():
        raise TrainError(f"reference {name}: {int((~np.isfinite(scores)).sum())} scores are none")
    result: FloatArray = scores
    return result


def reference_share(
    scores: FloatArray,
    reference: FloatArray,
    positive: BoolArray,
    group: IntArray,
    sample: Sample,
    resamples: int,
    seed: int,
) -> list[Estimate]:
    """Hold a model's AUC against that of the reference.

    Parameters
    ----------
    scores, reference : ndarray, shape (n,)
        Of the same windows.
    positive : ndarray of bool, shape (n,)
    group : ndarray of int64, shape (n,)
        What is resampled whole, for both alike.
    sample : Sample
    resamples : int
    seed : int

    Returns
    -------
    list of Estimate
        ``reference_roc_auc`` and ``reference_share``: (AUC - 0.5) over (AUC of the reference -
        0.5), null where the reference itself has no skill to share.
    """
    number, groups = numbered(group)
    both = [GroupedScores(s, positive, number, names=("roc_auc",)) for s in (scores, reference)]
    value, known = (w.value()["roc_auc"] for w in both)
    drawn = [
        np.stack([w.values(d)["roc_auc"] for w in both])
        for d in draws(groups, resamples, seed, both[0].width)
    ]
    areas = np.concatenate(drawn, axis=1)
    result = [
        estimate(
            "reference_roc_auc", Metric("reference_roc_auc", known, *interval(areas[1])), sample
        )
    ]
    share = None
    if known - 0.5 > _LEAST_SKILL:
        usable = areas[1] - 0.5 > _LEAST_SKILL
        shares = (areas[0] - 0.5)[usable] / (areas[1] - 0.5)[usable]
        if usable.any():
            share = Metric("reference_share", (value - 0.5) / (known - 0.5), *interval(shares))
    return [*result, estimate("reference_share", share, sample)]
