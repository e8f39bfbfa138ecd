"""Judging where there is nothing to find: placebo labels, shifted catalogues, null missions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.arrays import FloatArray
from edge.bundle import Metric, file_sha256
from edge.errors import one_line
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import read_card
from trainer.datasets.layout import WINDOWS_FILE
from trainer.datasets.stream import StreamWindows
from trainer.evaluation.evaluation_options import Options
from trainer.evaluation.judged_run import JudgedRun, note_opening
from trainer.evaluation.matched import Decided, decide, group_of, judge_matched
from trainer.evaluation.metrics import roc_auc
from trainer.evaluation.null_test import NullResult, coverage, max_statistic
from trainer.evaluation.report.data import (
    Estimate,
    NullRun,
    NullTest,
    Placebo,
    Sample,
    estimate,
    find,
)
from trainer.evaluation.shifted_catalogues import placebo_aucs
from trainer.models.classifier import Tell
from trainer.models.window_set import WindowSet
from trainer.training.loading import load_windows


def shift_placebo(scores: FloatArray, stream: StreamWindows, shifts: int) -> Placebo | None:
    """Hold a stream's scores against shifted catalogues.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    stream : StreamWindows
    shifts : int

    Returns
    -------
    Placebo or None
        None where the catalogue is too short for shifts, or no shift gives both classes.
    """
    try:
        found = placebo_aucs(scores, stream, shifts=shifts)
    except TrainError:
        return None
    if not found.values.size:
        return None
    sample = Sample(scores.size, 0, 0, stream.half_orbits)
    low, high = (float(v) for v in np.quantile(found.values, (0.025, 0.975)))
    middle = Metric("roc_auc", float(found.values.mean()), low, high)
    real = found.real if np.isfinite(found.real) else None
    return Placebo(
        "shifted catalogues",
        "The catalogue, circularly shifted in time; unselected test windows. The interval holds "
        "the middle 95 % of the shifts.",
        [estimate("roc_auc", middle, sample)],
        [round(float(v), 6) for v in found.values],
        real,
        found.p,
    )


def judge_placebos(
    run: JudgedRun,
    decided: Decided,
    places: Sequence[Path | JudgedRun],
    raw: FloatArray,
    windows: WindowSet,
    options: Options,
) -> list[Placebo]:
    """Judge placebo datasets with a run as it is, and runs trained on placebo labels.

    Parameters
    ----------
    run : JudgedRun
        The main one.
    decided : Decided
        For it.
    places : sequence of Path or JudgedRun
    raw : ndarray, shape (n,)
        Its probabilities of the true matched test windows.
    windows : WindowSet
        These.
    options : Options

    Raises
    ------
    TrainError
        A dataset has other observables or another length.
    """
    real = roc_auc(raw, windows.positive)
    result = []
    for place in places:
        if isinstance(place, JudgedRun):
            numbers = _judge_own(place, options)[0]
            kind = place.record.dataset.placebo
            text = f"Trained and judged on placebo labels ({kind})."
            result.append(Placebo(place.name, text, numbers, [], real, None))
        else:
            result.append(_placebo_dataset(run, decided, place, windows, real, options))
    return result


def judge_null_runs(
    runs: Sequence[JudgedRun], options: Options, tell: Tell
) -> tuple[list[NullRun], list[NullTest]]:
    """Judge runs on missions without any perturbation.

    Returns
    -------
    list of NullRun, list of NullTest
        A test for each dataset.
    """
    numbers, scores = {}, {}
    for run in runs:
        tell(f"{run.name}: judging a null run")
        numbers[run.name], scores[run.name] = _judge_own(run, options)
    tests = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        some = [run for run in runs if run.dataset == dataset]
        windows = load_windows(dataset, "test", allow_test=True)
        found = max_statistic(
            {r.name: scores[r.name] for r in some},
            windows.positive,
            group_of(windows),
            options.resamples,
            options.seed,
        )
        held = coverage(_null_result(r, numbers[r.name]) for r in some)
        names = [r.name for r in some]
        tests.append(
            NullTest(
                dataset=dataset.name,
                runs=names,
                largest=found.model,
                statistic=found.statistic,
                p=found.p_value,
                covered=held.covered,
                intervals=held.intervals,
            )
        )
    return [NullRun(r.name, r.record.kind, numbers[r.name]) for r in runs], tests


def _null_result(run: JudgedRun, numbers: Sequence[Estimate]) -> NullResult:
    area = find(numbers, "roc_auc")
    values: list[Any] = [None] * 3 if area is None else [area.value, area.low, area.high]
    auc, low, high = (float("nan") if v is None else float(v) for v in values)
    return NullResult(run.name, run.record.seed, auc, low, high)


def _judge_own(run: JudgedRun, options: Options) -> tuple[list[Estimate], FloatArray]:
    """Judge a run on its own dataset, matched windows alone."""
    model = run.load()
    validation = load_windows(run.dataset, "validation")
    raw = np.asarray(model.predict_proba(validation), dtype=np.float64)
    decided = decide(raw, validation, options.alarms)
    note_opening(run, run.dataset, run.record.dataset.windows_sha256)
    windows = load_windows(run.dataset, "test", allow_test=True)
    scores = np.asarray(model.predict_proba(windows), dtype=np.float64)
    found = judge_matched(decided, scores, windows, options.resamples, options.seed)
    return found.estimates, found.scores


def _placebo_dataset(
    run: JudgedRun,
    decided: Decided,
    dataset: Path,
    windows: WindowSet,
    real: float,
    options: Options,
) -> Placebo:
    kind = read_card(dataset).recipe.placebo.kind
    if kind == "none":
        raise TrainError(
            f"placebo {one_line(dataset.name)}: its labels are true ones; valid is a dataset whose "
            "recipe has a placebo"
        )
    note_opening(run, dataset, file_sha256(dataset / WINDOWS_FILE))
    other = load_windows(dataset, "test", allow_test=True)
    if other.observables != windows.observables or other.length != windows.length:
        raise TrainError(
            f"placebo {one_line(dataset.name)}: windows of {other.length} rows of "
            f"{', '.join(other.observables)}; the run has {windows.length} of "
            f"{', '.join(windows.observables)}"
        )
    raw = np.asarray(run.load().predict_proba(other), dtype=np.float64)
    found = judge_matched(decided, raw, other, options.resamples, options.seed)
    text = f"{run.name} as it is, on matched test windows of placebo labels ({kind})."
    return Placebo(dataset.name, text, found.estimates, [], real, None)
