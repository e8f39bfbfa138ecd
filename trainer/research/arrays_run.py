"""Classifiers on the authors' arrays, judged as released and judged clean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge import __version__
from edge.arrays import AnyArray, BoolArray, Features, FloatArray, IntArray
from edge.bundle import Metric
from edge.errors import ConfigError
from edge.outputs import replace_file
from trainer.evaluation.decide import best_f1_threshold, fit_calibration, logit_of
from trainer.evaluation.metrics import roc_auc, window_metrics
from trainer.evaluation.report import words as report_words
from trainer.evaluation.report.data import (
    PAGE_FILE,
    REPORT_FILE,
    Estimate,
    Sample,
    encode,
    estimate,
)
from trainer.models.classifier import Classifier, Tell, silent
from trainer.models.window_set import WindowSet, windows_of_arrays
from trainer.research.arrays import Arrays, Split, prepare, read_arrays, split_training
from trainer.research.arrays_report import (
    ARRAYS_FORMAT,
    OPTIMISTIC,
    ArraysModel,
    ArraysReport,
    ArraysTrial,
    draw,
    render,
)

#: Makes an unfitted classifier of a kind, parameters and a seed.
Maker = Callable[[str, dict[str, Any], int], Classifier]

#: Thresholds of the released event score.
_RELEASED_THRESHOLDS = np.round(np.arange(70, 100) / 100.0, 2)


def judge_arrays(
    arrays: Arrays,
    kind: str,
    make: Maker,
    trials: int,
    resamples: int,
    seed: int,
    tell: Tell = silent,
) -> ArraysModel:
    """Judge one kind of classifier in both forms, over the same trials.

    Parameters
    ----------
    arrays : Arrays
    kind : str
    make : callable
    trials : int
        The first has the defaults, the others parameters drawn from the search ranges, all with
        and without row normalisation in turn.
    resamples : int
    seed : int
    tell : callable, optional
    """
    split = split_training(arrays, seed)
    found: list[ArraysTrial] = []
    clean_best: tuple[float, FloatArray, FloatArray] | None = None
    released_best: tuple[float, FloatArray] | None = None
    truth = arrays.train_label[split.validation] == 1
    for number in range(trials):
        normalise, trial_seed = bool(number % 2), seed + number // 2
        given = _drawn(kind, trial_seed) if number >= 2 else {}
        maker = partial(make, kind, given, trial_seed)
        tell(f"{kind}: trial {number + 1} of {trials}")
        chance = _released_trial(arrays, maker, normalise)
        accuracy = float(((chance >= 0.5) == (arrays.test_label == 1)).mean())
        if released_best is None or accuracy > released_best[0]:
            released_best = accuracy, chance
        validation, test = _clean_trial(arrays, split, maker, normalise)
        area = roc_auc(validation, truth)
        # The test windows' scores wait unseen until validation has chosen.
        if clean_best is None or area > clean_best[0]:
            clean_best = area, validation, test
        found.append(ArraysTrial(normalise, trial_seed, given, area, accuracy))
    assert clean_best is not None
    assert released_best is not None
    clean, threshold, skilful = _clean(arrays, clean_best[1], truth, clean_best[2], resamples, seed)
    released = _released(arrays, released_best[1])
    return ArraysModel(
        kind=kind,
        trials=found,
        released_label=OPTIMISTIC,
        released=released,
        clean=clean,
        threshold=threshold,
        skilful=skilful,
    )


class _RandomTrial:
    """Draws parameters where a search would suggest them."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 3])

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1) -> int:
        """Give a whole number within both ends."""
        return low + step * int(self._rng.integers(0, (high - low) // step + 1))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Give a number within both ends."""
        if log:
            return float(np.exp(self._rng.uniform(np.log(low), np.log(high))))
        return float(self._rng.uniform(low, high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Give one of some."""
        return choices[int(self._rng.integers(0, len(choices)))]


def _drawn(kind: str, seed: int) -> dict[str, Any]:
    from trainer.models.search_spaces import suggest

    return suggest(kind, _RandomTrial(seed))


def _set(inputs: Features, label: npt.NDArray[np.int8], event: AnyArray | None) -> WindowSet:
    names = tuple(f"value_{i}" for i in range(inputs.shape[2] // 2))
    return windows_of_arrays(inputs, label, names, None if event is None else event.astype(np.str_))


def _released_trial(arrays: Arrays, make: Callable[[], Classifier], normalise: bool) -> FloatArray:
    """Train on all training windows, and score the test file."""
    train, test = prepare(arrays.train, [arrays.test], normalise, masks=False)
    model = make()
    windows = _set(train, arrays.train_label, arrays.train_event)
    # The released code has no validation: a training stops by what it was trained on.
    model.fit(windows, windows)
    return np.asarray(
        model.predict_proba(_set(test, arrays.test_label, arrays.test_event)), dtype=np.float64
    )


def _clean_trial(
    arrays: Arrays, split: Split, make: Callable[[], Classifier], normalise: bool
) -> tuple[FloatArray, FloatArray]:
    parts = prepare(
        arrays.train[split.train],
        [arrays.train[split.validation], arrays.test],
        normalise,
        masks=True,
    )
    event = arrays.train_event
    train, validation = (
        _set(x, arrays.train_label[some], None if event is None else event[some])
        for x, some in zip(parts[:2], (split.train, split.validation), strict=True)
    )
    model = make()
    model.fit(train, validation)
    # Labels of the test file are not shown to the model, not even to be ignored.
    hidden = _set(parts[2], np.zeros_like(arrays.test_label), None)
    scores = [np.asarray(model.predict_proba(w), np.float64) for w in (validation, hidden)]
    return scores[0], scores[1]


def _clean(
    arrays: Arrays,
    validation: FloatArray,
    truth: BoolArray,
    test: FloatArray,
    resamples: int,
    seed: int,
) -> tuple[list[Estimate], float, bool]:
    calibration, skilful = fit_calibration(validation, truth)
    threshold = best_f1_threshold(calibration.scores(logit_of(validation)), truth)
    scores = calibration.scores(logit_of(test))
    positive = arrays.test_label == 1
    sample = _sample(arrays)
    metrics = window_metrics(scores, positive, arrays.test_event, threshold, resamples, seed)
    right = ((scores >= threshold) == positive).astype(np.float64)
    numbers = [estimate(name, metric, sample) for name, metric in metrics.items()]
    numbers.append(estimate("accuracy", _mean(right, arrays.test_event, resamples, seed), sample))
    share = _by_event((scores >= threshold).astype(np.float64), arrays.test_event)
    earthquake = _by_event(arrays.test_earthquake.astype(np.float64), arrays.test_event) > 0.5
    if earthquake.any() and not earthquake.all():
        # Above one half, not at it.
        events = window_metrics(
            share, earthquake, np.arange(share.size), 0.5 + 1e-9, resamples, seed
        )
        numbers += [estimate(f"event_{n}", events[n], sample) for n in ("f1", "mcc")]
    return numbers, threshold, skilful


def _released(arrays: Arrays, chance: FloatArray) -> list[Estimate]:
    """Numbers by the released procedure; without intervals, which selection makes void."""
    sample = _sample(arrays)
    from sklearn.metrics import f1_score, matthews_corrcoef

    positive = arrays.test_label == 1
    called = chance >= 0.5
    right = _by_event((called == positive).astype(np.float64), arrays.test_event)
    earthquake = _by_event(arrays.test_earthquake.astype(np.float64), arrays.test_event) > 0.5
    # An event counts as right or as wrong: what it is said to be follows from what it is.
    tries = [np.where(right >= t, earthquake, ~earthquake) for t in _RELEASED_THRESHOLDS]
    scores = [float(matthews_corrcoef(earthquake, said)) for said in tries]
    best = int(np.argmax(scores))
    values = {
        "micro_f1": float((called == positive).mean()),
        "mcc": float(matthews_corrcoef(positive, called)),
        "event_mcc": scores[best],
        "event_f1": float(f1_score(earthquake, tries[best], zero_division=0.0)),
        "event_threshold": float(_RELEASED_THRESHOLDS[best]),
    }
    return [Estimate(name, value, None, None, sample) for name, value in values.items()]


def _sample(arrays: Arrays) -> Sample:
    events = int(np.unique(arrays.test_event).size)
    return Sample(arrays.test_label.size, int((arrays.test_label == 1).sum()), events, 0)


def _by_event(values: FloatArray, event: IntArray) -> FloatArray:
    count = np.bincount(event)
    result: FloatArray = np.bincount(event, values) / np.maximum(count, 1)
    return result


def _mean(values: FloatArray, event: IntArray, resamples: int, seed: int) -> Metric:
    from trainer.evaluation.bootstrap import draws, interval

    sums, count = np.bincount(event, values), np.bincount(event).astype(np.float64)
    drawn = [(w @ sums) / (w @ count) for w in draws(sums.size, resamples, seed)]
    return Metric("accuracy", float(values.mean()), *interval(np.concatenate(drawn)))


DEFAULT_MODELS = ("seqnetquake", "random_forest", "lightgbm", "logistic")


def evaluate_arrays(
    files: Sequence[Path],
    out: Path,
    models: Sequence[str] = DEFAULT_MODELS,
    trials: int = 8,
    resamples: int = 1000,
    seed: int = 0,
    simulated: bool = False,
    tell: Tell = silent,
) -> ArraysReport:
    """Judge classifiers on arrays as released and clean, and write the report.

    Parameters
    ----------
    files : sequence of Path
        See `trainer.research.arrays.read_arrays`.
    out : Path
        Folder of ``report.json``, ``report.html`` and the chart; made if it is missing.
    models : sequence of str, optional
        Kinds of classifiers.
    trials : int, optional
        Of each kind, the same ones in both forms.
    resamples, seed : int, optional
    simulated : bool, optional
        Whether the arrays are; they do not tell themselves.
    tell : callable, optional

    Raises
    ------
    TrainError, ConfigError
        The arrays or the kinds cannot be used.
    """
    from trainer.models.registry import KINDS

    # Of place, time and catalogue the arrays say nothing.
    known = [k for k in KINDS if k not in ("catalogue", "place")]
    for kind in models:
        if kind not in known:
            raise ConfigError(f"--models: {kind!r}; valid for arrays are {', '.join(known)}")
    if not models or len(set(models)) < len(models):
        raise ConfigError(f"--models: {', '.join(models) or 'none'}; valid is each kind once")
    arrays = read_arrays(files)
    tell(f"{arrays.train_label.size} training and {arrays.test_label.size} test windows")
    how = split_training(arrays, seed).how
    judged = [judge_arrays(arrays, kind, _make, trials, resamples, seed, tell) for kind in models]
    report = ArraysReport(
        format=ARRAYS_FORMAT,
        code_version=__version__,
        simulated=simulated,
        notice=report_words.notice(simulated),
        files=list(arrays.names),
        fingerprint=arrays.sha256,
        resamples=resamples,
        seed=seed,
        train_windows=arrays.train_label.size,
        test_windows=arrays.test_label.size,
        test_events=int(arrays.test_event.max()) + 1,
        length=arrays.train.shape[1],
        values=arrays.train.shape[2],
        validation=how,
        models=judged,
    )
    out.mkdir(parents=True, exist_ok=True)
    charts = draw(report)
    for name, content in charts.items():
        replace_file(out / name, content)
    replace_file(out / REPORT_FILE, encode(report))
    replace_file(out / PAGE_FILE, render(report, charts).encode())
    return report


def _make(kind: str, parameters: dict[str, Any], seed: int) -> Classifier:
    from trainer.models.registry import make_classifier

    return make_classifier(kind, parameters, seed)
