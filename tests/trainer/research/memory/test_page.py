"""Tables and charts of made-up points."""

from __future__ import annotations

from edge.bundle import Metric
from trainer.research.memory.charts import curves_chart, molchan_chart, transfer_chart
from trainer.research.memory.curves import Point
from trainer.research.memory.networks import Candidate
from trainer.research.memory.page import goal_lines, network_lines, share_lines, transfer_lines
from trainer.research.memory.recipe import QUICK_RECIPE, read_study
from trainer.research.memory.transfer import METRICS, Gain

SHARE = Metric("reference_share", 0.8, 0.7, 0.9)


def points() -> list[Point]:
    return [
        Point(
            mission="cses-1",
            kind=kind,
            strength="auc90",
            form=form,
            clusters=clusters,
            share=SHARE,
            least=0.75,
            greatest=0.85,
            verdict="undecided",
        )
        for kind in ("seqnetquake", "cnn")
        for form in ("nearest", "interpolated")
        for clusters in (30, 60)
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


def gains() -> list[Gain]:
    direct = [gain("direct", m, 0.0, 0.0) for m in METRICS]
    return [*direct, *(gain("full", m, 0.15, 0.25) for m in METRICS)]


def test_tables_have_intervals_and_verdicts() -> None:
    recipe = read_study(QUICK_RECIPE)
    cell = "80.0 (70.0 to 90.0); 75 to 85; undecided"
    assert f"| auc90 | nearest | seqnetquake | {cell} | {cell} |" in share_lines(recipe, points())
    (goal,) = goal_lines(recipe, points())
    assert goal == "- auc90: 80.0 (70.0 to 90.0) %; 85 % or more undecided, 80 % or more undecided."
    lines = transfer_lines(recipe, gains())
    # Of F1 12 % are wanted and met, of MCC 29 % and missed.
    assert lines[-1].endswith("| +20 % (+15 to +25), met | +20 % (+15 to +25), missed |")
    assert "| 10 (1:6) | direct | 0.600 (0.500 to 0.700) |" in lines[2]


def test_networks_are_held_against_the_published_one() -> None:
    found = [
        Candidate(name=name, strength="auc90", clusters=60, share=SHARE, gain=made)
        for name, made in (
            ("seqnetquake", Metric("share_gain", 0.0, 0.0, 0.0)),
            ("cnn", Metric("share_gain", 0.02, -0.01, 0.05)),
        )
    ]
    lines = network_lines(found, {"cnn": 1.5e6})
    assert lines[2] == "| seqnetquake |  | 80.0 (70.0 to 90.0) |"
    assert lines[3] == "| cnn | 1.50 | +2.0 (-1.0 to +5.0) |"


def test_charts_are_pictures() -> None:
    recipe = read_study(QUICK_RECIPE)
    for picture in (
        curves_chart(recipe, points()),
        transfer_chart(recipe, gains()),
        molchan_chart([("made up", [0.0, 0.2, 1.0], [1.0, 0.5, 0.0])]),
    ):
        assert picture[:4] == b"\x89PNG"
