"""Table and chart of made-up points."""

from __future__ import annotations

from edge.bundle import Metric
from trainer.research.memory.curves import Point
from trainer.research.memory.page import chart, page
from trainer.research.memory.study import QUICK_RECIPE, read_study
from trainer.research.memory.transfer import METRICS, Gain


def points() -> list[Point]:
    return [
        Point(
            kind=kind,
            strength="auc90",
            form=form,
            clusters=clusters,
            share=Metric("reference_share", 0.8, 0.7, 0.9),
            least=0.75,
            greatest=0.85,
            verdict="undecided",
        )
        for kind in ("seqnetquake", "cnn")
        for form in ("nearest", "exact")
        for clusters in (30, 100)
    ]


def gain(way: str, metric: str, low: float, high: float) -> Gain:
    middle = 0.5 * (low + high)
    made = Metric(metric, middle, low, high)
    return Gain(
        way=way,
        clusters=10,
        metric=metric,
        value=Metric(metric, 0.6, 0.5, 0.7),
        difference=made,
        relative=made,
    )


def test_page_has_verdicts_and_says_that_all_is_simulated() -> None:
    gains = [gain("direct", m, 0.0, 0.0) for m in METRICS]
    gains += [gain("full", m, 0.15, 0.25) for m in METRICS]
    text = page(read_study(QUICK_RECIPE), points(), gains, ["One sentence."])
    assert "**Everything is simulated" in text
    cell = "80.0 (70.0 to 90.0); 75.0 to 85.0; undecided"
    assert f"| auc90 | nearest | seqnetquake | {cell} | {cell} |" in text
    # Of F1 12 % are wanted and met, of MCC 29 % and missed.
    assert "+20 % (+15 to +25), met" in text
    assert "+20 % (+15 to +25), missed" in text
    assert "| 10 | 10 | direct | 0.600 | 0.600 | 0.600 |" in text


def test_chart_is_a_picture() -> None:
    assert chart(read_study(QUICK_RECIPE), points())[:4] == b"\x89PNG"
