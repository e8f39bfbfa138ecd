"""How well a classifier does that sees no measurement: only masks, or only place and season.

Above 0.5, what it sees tells the classes apart, and a model that sees it too may have learnt no
more than that. Trained on the training block, judged on validation; the test block stays shut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray, FloatArray
from edge.observables import PROFILES
from trainer.common.errors import TrainError
from trainer.datasets.tables import WindowReader, open_windows

#: Windows of a block that are looked at, evenly over it.
_MOST_WINDOWS = 20_000
_RESAMPLES = 300
_SEED = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """ROC AUC with a 95 % interval from resampling whole half-orbits."""

    auc: float
    low: float
    high: float
    windows: int

    def record(self) -> dict[str, float | int]:
        """As JSON has it."""
        return {
            "auc": round(self.auc, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "windows": self.windows,
        }


def label_from_masks(dataset: Path) -> Rate | None:
    """Tell positives from controls by what is valid in their windows.

    Returns
    -------
    Rate or None
        None where train or validation has one class alone.
    """
    parts = [_masks(open_windows(dataset, name)) for name in ("train", "validation")]
    return _judge(*((p.inputs, p.label, p.group) for p in parts))


def label_from_place(dataset: Path) -> Rate | None:
    """Tell positives from controls by place, local time and season."""
    names = ("latitude", "longitude", "dipole_latitude", "local_time")
    parts = []
    for block in ("train", "validation"):
        table = open_windows(
            dataset, block, ("split", "label", "half_orbit", "time", *names)
        ).table()
        time = table["time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
        year = 2.0 * np.pi * (time / 86_400_000.0) / 365.2425
        inputs = [*(table[n].to_numpy() for n in names), np.sin(year), np.cos(year)]
        group = table["half_orbit"].to_numpy()
        parts.append((np.stack(inputs, axis=1), table["label"].to_numpy() == 1, group))
    return _judge(*parts)


def mission_from_masks(datasets: Sequence[Path]) -> dict[str, Rate]:
    """Tell two missions apart by what is valid in their windows.

    Parameters
    ----------
    datasets : sequence of Path
        One of each mission.

    Returns
    -------
    dict of str to Rate
        ``all``: by all observables, also those that one mission lacks, which give it away at
        once; ``common``: by those that both have, which is what transfer rests on.

    Raises
    ------
    TrainError
        The datasets have other windows or profiles.
    """
    readers = [[open_windows(d, n) for d in datasets] for n in ("train", "validation")]
    shapes = {(r.profile, r.length) for row in readers for r in row}
    if len(shapes) > 1:
        text = ", ".join(f"{p} with {n} rows" for p, n in sorted(shapes))
        raise TrainError(f"the datasets have other windows: {text}")
    profile = PROFILES[readers[0][0].profile]
    both = np.ones(len(profile.observables), dtype=np.bool_)
    for reader in readers[0]:
        both &= np.array(profile.available(reader.mission))  # type: ignore[arg-type]
    length = readers[0][0].length
    result = {}
    masks = [[_masks(r) for r in row] for row in readers]
    for name, columns in (("all", np.ones_like(both)), ("common", both)):
        kept = np.tile(columns, length)
        parts = []
        for row in masks:
            truth = np.repeat([True, False], [m.label.size for m in row])
            inputs = np.concatenate([m.inputs[:, kept] for m in row])
            parts.append((inputs, truth, np.concatenate([m.group for m in row])))
        rate = _judge(*parts)
        if rate is not None:
            result[name] = rate
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Masks:
    inputs: npt.NDArray[np.float32]
    label: BoolArray
    group: AnyArray


def _masks(reader: WindowReader) -> _Masks:
    """Read the flags of windows, (n, L F), evenly taken where they are many."""
    slim = WindowReader(
        path=reader.path,
        splits=reader.splits,
        columns=("split", "label", "half_orbit", "valid"),
        length=reader.length,
        observables=reader.observables,
        mission=reader.mission,
        profile=reader.profile,
        simulated=reader.simulated,
        raw=reader.raw,
    )
    step = max(1, -(-len(slim) // _MOST_WINDOWS))
    inputs, label, group = [], [], []
    seen = 0
    for batch in slim.batches():
        kept = np.flatnonzero((seen + np.arange(batch.num_rows)) % step == 0)
        seen += batch.num_rows
        flat = batch["valid"].flatten().to_numpy(zero_copy_only=False)
        inputs.append(flat.reshape(batch.num_rows, -1)[kept].astype(np.float32))
        label.append(batch["label"].to_numpy(zero_copy_only=False)[kept] == 1)
        group.append(batch["half_orbit"].to_numpy(zero_copy_only=False)[kept])
    size = slim.length * len(slim.observables)
    if not inputs:
        none: Any = np.zeros(0, dtype=object)
        return _Masks(np.zeros((0, size), np.float32), np.zeros(0, np.bool_), none)
    return _Masks(np.concatenate(inputs), np.concatenate(label), np.concatenate(group))


def _judge(
    train: tuple[AnyArray, BoolArray, AnyArray], validation: tuple[AnyArray, BoolArray, AnyArray]
) -> Rate | None:
    """Fit on one block and judge on the other."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    if any(truth.all() or not truth.any() for _, truth, _ in (train, validation)):
        return None
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=_SEED
    )
    # One thread: so little data gains nothing from more, and loses much on a busy machine.
    with threadpool_limits(1):
        model.fit(train[0], train[1])
        scores = model.predict_proba(validation[0])[:, 1]
    return interval(scores, validation[1], validation[2])


def interval(scores: FloatArray, truth: BoolArray, group: AnyArray) -> Rate:
    """ROC AUC of scores, and its interval.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    truth : ndarray of bool, shape (n,)
        With both classes.
    group : ndarray, shape (n,)
        Drawn whole, with replacement.
    """
    _, place = np.unique(group.astype(str), return_inverse=True)
    number = int(place.max()) + 1
    level = np.unique(scores, return_inverse=True)[1]
    rng = np.random.default_rng(_SEED)
    drawn = []
    for _ in range(_RESAMPLES):
        weight = np.bincount(rng.integers(number, size=number), minlength=number)[place]
        area = _auc(level, truth, weight.astype(np.float64))
        if np.isfinite(area):
            drawn.append(area)
    value = _auc(level, truth, np.ones(scores.size))
    low, high = np.quantile(drawn, (0.025, 0.975)) if drawn else (np.nan, np.nan)
    return Rate(value, float(low), float(high), int(scores.size))


def _auc(level: AnyArray, truth: BoolArray, weight: FloatArray) -> float:
    """Weighted ROC AUC; ties count one half. NaN where a class has no weight."""
    positive = np.bincount(level, weight * truth)
    negative = np.bincount(level, weight * ~truth)
    total = positive.sum() * negative.sum()
    if total <= 0.0:
        return float("nan")
    return float((positive * (np.cumsum(negative) - 0.5 * negative)).sum() / total)
