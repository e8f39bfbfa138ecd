"""The comparison on the authors' arrays, from files to a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge import __version__
from edge.errors import ConfigError
from edge.outputs import replace_file
from trainer.evaluation import report_words
from trainer.evaluation.arrays_npz import read_arrays
from trainer.evaluation.arrays_prepare import split_training
from trainer.evaluation.arrays_report import ARRAYS_FORMAT, ArraysReport, draw, render
from trainer.evaluation.arrays_run import judge_arrays
from trainer.evaluation.report_data import PAGE_FILE, REPORT_FILE
from trainer.evaluation.report_json import encode
from trainer.models.interface import Classifier, Tell, silent

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
        See `trainer.evaluation.arrays_npz.read_arrays`.
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

    Returns
    -------
    ArraysReport

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
        ARRAYS_FORMAT,
        __version__,
        simulated,
        report_words.notice(simulated),
        list(arrays.names),
        arrays.sha256,
        resamples,
        seed,
        arrays.train_label.size,
        arrays.test_label.size,
        int(arrays.test_event.max()) + 1,
        arrays.train.shape[1],
        arrays.train.shape[2],
        how,
        judged,
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
