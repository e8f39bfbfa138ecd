"""What the comparison on the authors' arrays says, as JSON, as a chart and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.evaluation.report.charts import new_figure, png
from trainer.evaluation.report.data import Estimate, Record, find
from trainer.evaluation.report.page import fill

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Version of the layout of its ``report.json``.
ARRAYS_FORMAT = 1

#: Stands beside every number of the released procedure.
OPTIMISTIC = "as released: optimistic, for comparison only"

RELEASED = (
    ("micro_f1", "Micro F1 (accuracy)",
     "Share of test windows called right, which the released code calls F1, of the trial that has "
     "the best of just this on the test file."),
    ("mcc", "MCC", "Matthews correlation on the test file of the trial chosen there."),
    ("event_mcc", "Event MCC", "Of events, with the threshold that gives the best of it on the "
     "test file; an event whose windows are called right often enough counts as right."),
    ("event_f1", "Event F1", "Of events, with that threshold."),
    ("event_threshold", "Event threshold", "The threshold chosen on the test file."),
)  # fmt: skip

CLEAN = (
    ("f1", "F1", "Binary F1 of the positive class on the test file, opened once: trial, "
     "calibration and threshold come from validation windows that were cut off the training "
     "arrays."),
    ("mcc", "MCC", "Matthews correlation: 1 perfect, 0 as by chance."),
    ("accuracy", "Accuracy", "Share of test windows called right: what micro F1 is."),
    ("precision", "Precision", "Share of windows called positive that are."),
    ("recall", "Recall", "Share of positive windows that are called positive."),
    ("roc_auc", "ROC AUC", "Probability that a positive scores higher than another: 0.5 is "
     "chance."),
    ("pr_auc", "PR AUC", "Area under precision over recall."),
    ("brier", "Brier score", "Mean squared error of the calibrated score: 0 is perfect."),
    ("event_f1", "Event F1", "Of events; one is called an earthquake if more than half of its "
     "windows are. The rule is fixed beforehand."),
    ("event_mcc", "Event MCC", "Of events, by that rule."),
)  # fmt: skip


class ArraysTrial(Record, frozen=True):
    """One trial: how it was prepared and what it came to.

    Attributes
    ----------
    row_normalised : bool
    seed : int
    validation_roc_auc : float or None
        Of the clean form, which selects by it.
    test_micro_f1 : float
        Of the released form, which selects by it.
    """

    row_normalised: bool
    seed: int
    parameters: dict[str, float | int | str]
    validation_roc_auc: float | None
    test_micro_f1: float


class ArraysModel(Record, frozen=True, kw_only=True):
    """One classifier in both forms."""

    kind: str
    trials: list[ArraysTrial]
    released_label: str
    released: list[Estimate]
    clean: list[Estimate]
    threshold: float
    skilful: bool


class ArraysReport(Record, frozen=True, kw_only=True):
    """The comparison on arrays."""

    format: int
    code_version: str
    simulated: bool
    notice: str
    files: list[str]
    fingerprint: str
    resamples: int
    seed: int
    train_windows: int
    test_windows: int
    test_events: int
    length: int
    values: int
    validation: str
    models: list[ArraysModel]


def draw(report: ArraysReport) -> dict[str, bytes]:
    """Draw both forms side by side.

    Returns
    -------
    dict of str to bytes
        PNG by file name.
    """
    return {"released_and_clean.png": png(_both(report))}


def _both(report: ArraysReport) -> Figure:
    height = max(2.8, 1.9 + 0.42 * len(report.models))
    figure, axes = new_figure("Accuracy on the test file", report.simulated, height)
    for place, model in enumerate(report.models):
        released = find(model.released, "micro_f1")
        clean = find(model.clean, "accuracy")
        first = place == 0
        if released is not None and released.value is not None:
            axes.plot([released.value], [-place - 0.12], "D", color="#D55E00", markersize=7,
                      label="as released: optimistic" if first else None)  # fmt: skip
        if clean is not None and clean.value is not None:
            if clean.low is not None and clean.high is not None:
                axes.hlines(-place + 0.12, clean.low, clean.high, color="#0072B2", linewidth=2.2)
            axes.plot([clean.value], [-place + 0.12], "o", color="#0072B2", markersize=7,
                      label="clean, 95 % interval" if first else None)  # fmt: skip
    axes.set_yticks([-i for i in range(len(report.models))], [m.kind for m in report.models])
    axes.set_ylim(-len(report.models) + 0.4, 0.6)
    axes.set_xlabel("share of test windows called right")
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure


def render(report: ArraysReport, charts: Mapping[str, bytes]) -> str:
    """Make the page.

    Parameters
    ----------
    report : ArraysReport
    charts : mapping of str to bytes
        Of `draw`.

    Returns
    -------
    str
        HTML.
    """
    terms = {"clean": CLEAN, "released": RELEASED}
    folder = Path(__file__).parent
    return fill(
        "arrays.html.jinja", folder, report=report, charts=charts, optimistic=OPTIMISTIC, **terms
    )
