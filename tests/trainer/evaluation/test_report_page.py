"""The page of a made-up report: names that would do harm, contents, the verdict, the numbers."""

from __future__ import annotations

import fnmatch
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from trainer.evaluation.report.charts import draw_charts
from trainer.evaluation.report.data import (
    Curve,
    Decisions,
    Epicentre,
    Estimate,
    ModelResult,
    NullRun,
    NullTest,
    Pair,
    Placebo,
    ReliabilityBin,
    Report,
    Sample,
    Slice,
    StreamResult,
)
from trainer.evaluation.report.page import render
from trainer.evaluation.report.words import verdict

SAMPLE = Sample(windows=100, positives=50, clusters=20, half_orbits=40)


def numbers(*found: tuple[str, float | None, float | None, float | None]) -> list[Estimate]:
    return [Estimate(name, value, low, high, SAMPLE) for name, value, low, high in found]


def area(value: float | None, low: float | None, high: float | None) -> list[Estimate]:
    return numbers(("roc_auc", value, low, high))


def made_model(name: str, kind: str, more: float = 0.0) -> ModelResult:
    line = Curve([0.0, 0.4, 1.0], [0.0, 0.7, 1.0])
    return ModelResult(
        name=name,
        kind=kind,
        run=name,
        simulated=True,
        fingerprint="0123456789abcdef",
        opened=2,
        decisions=Decisions(
            slope=1.25,
            intercept=-0.5,
            threshold=0.41,
            alarm_threshold=0.93,
            alarms_asked=0.2,
            event_rule=f"rule of {name}",
            skilful=True,
        ),
        matched=numbers(
            ("f1", 0.61, 0.52, 0.7),
            ("mcc", 0.2, 0.05, 0.35),
            ("roc_auc", 0.625 + more, 0.55 + more, 0.71 + more),
            ("pr_auc", None, None, None),
            ("precision", 0.5, 0.4, 0.6),
            ("recall", 0.8, None, None),
            ("brier", 0.00025, 0.0001, 0.0004),
        ),
        events=numbers(
            ("event_recall", 0.0, 0.0, 0.168),
            ("event_precision", 1.0, 1.0, 1.0),
            ("event_f1", 0.3, 0.2, 0.4),
        ),
        reliability=[
            ReliabilityBin(0.2, 0.25, 0.1, 0.4, 30),
            ReliabilityBin(0.7, 0.6, None, 0.9, 9),
        ],
        roc=line,
        precision_recall=line,
        stream=StreamResult(
            SAMPLE,
            numbers(
                ("alarms_per_night_half_orbit", 0.21, 0.1, 0.3),
                ("alarmed_share", 0.0312, 0.02, 0.04),
                ("base_rate", 0.0123, 0.01, 0.015),
                ("precision", 0.05, 0.01, 0.09),
                ("recall", 0.14, 0.05, 0.2),
                ("area_skill_score", 0.57, 0.48, 0.66),
            ),
            Curve([0.0, 0.5, 1.0], [1.0, 0.4, 0.0]),
            f"12 mainshocks of {name}",
            [
                Epicentre(38.0, 142.5, 6.9, True),
                Epicentre(-20.0, -70.0, 5.2, False),
                Epicentre(60.0, 0.0, 5.0, None),
            ],
            [(37.0, 140.0), (-1.0, 100.0)],
        ),
        slices=[
            Slice("region", f"region of {name}", area(0.66 + more, 0.5, 0.8)),
            Slice("magnitude", "M 6 to 7", area(None, None, None)),
        ],
        placebos=[
            Placebo(
                "shifted catalogues", "Shifted.", area(0.51, 0.44, 0.58), [0.45, 0.55], 0.64, 0.018
            ),
            Placebo(name, f"Labels of {name}.", area(0.49, 0.4, 0.58), [], 0.625, None),
        ],
        reference=numbers(
            ("reference_roc_auc", 0.8, 0.7, 0.9), ("reference_share", 0.41, 0.2, 0.6)
        ),
    )


def made_report(name: str = "seqnetquake", other: str = "forest") -> Report:
    """A report with every section; `name` stands wherever a name can."""
    difference = numbers(("roc_auc", 0.031, -0.02, 0.08))[0]
    return Report(
        format=2,
        identity="0" * 64,
        code_version="1.0",
        simulated=True,
        notice="SIMULATED: of no use.",
        quick=True,
        resamples=50,
        seed=0,
        dataset=name,
        mission=name,
        fingerprint="fedcba9876543210",
        main=name,
        sample=SAMPLE,
        models=[made_model(name, name), made_model(other, "random_forest", 0.01)],
        pairs=[
            Pair(
                first=name,
                second=other,
                metric="roc_auc",
                difference=difference,
                p=0.21,
                p_corrected=0.42,
                with_main=True,
            )
        ],
        null_runs=[NullRun(name, name, area(0.47, 0.4, 0.55))],
        null_tests=[
            NullTest(
                dataset=name,
                runs=[name],
                largest=name,
                statistic=0.03,
                p=0.4,
                covered=1,
                intervals=1,
            )
        ],
        blocks=[(name, ["2019-01-01T00:00", "2019-02-01T00:00"])],
    )


#: Sections of the page, in its order.
SECTIONS = (
    "Matched test windows",
    "Events",
    "Model against model",
    "The stream: unselected half-orbits",
    "Map of the test block",
    "What the base rate does",
    "By magnitude, region and lead time",
    "Placebos",
    "A mission without perturbations",
    "Against the Bayes reference",
    "Decided on validation",
)
CHARTS = ("map", "molchan", "paired", "placebo", "precision_recall", "reliability", "roc")
PICTURES = {f"{name}.png": name.encode() for name in CHARTS}
HOSTILE = "<script>alert(1)</script>&\"'$\\frac$"

#: Rows of all tables of `made_report`.
ROWS = """
seqnetquake ; 0.610 | 0.520 to 0.700 ; 0.200 | 0.050 to 0.350 ; 0.500 | 0.400 to 0.600 ; 0.800 |
  no interval ; 0.625 | 0.550 to 0.710 ; not known ; 2.5e-04 | 1.0e-04 to 4.0e-04
forest ; 0.610 | 0.520 to 0.700 ; 0.200 | 0.050 to 0.350 ; 0.500 | 0.400 to 0.600 ; 0.800 | no
  interval ; 0.635 | 0.560 to 0.720 ; not known ; 2.5e-04 | 1.0e-04 to 4.0e-04
seqnetquake ; 0.000 | 0.000 to 0.168 ; 1.000 | no spread over 20 clusters ; 0.300 | 0.200 to 0.400
forest ; 0.000 | 0.000 to 0.168 ; 1.000 | no spread over 20 clusters ; 0.300 | 0.200 to 0.400
seqnetquake less forest ; ROC AUC ; 0.031 | -0.020 to 0.080 ; 0.210 ; 0.420
seqnetquake ; 0.210 | 0.100 to 0.300 ; 0.0312 | 0.0200 to 0.0400 ; 0.0123 | 0.0100 to 0.0150 ;
  0.050 | 0.010 to 0.090 ; 0.140 | 0.050 to 0.200 ; 0.570 | 0.480 to 0.660
forest ; 0.210 | 0.100 to 0.300 ; 0.0312 | 0.0200 to 0.0400 ; 0.0123 | 0.0100 to 0.0150 ; 0.050 |
  0.010 to 0.090 ; 0.140 | 0.050 to 0.200 ; 0.570 | 0.480 to 0.660
region: region of seqnetquake ; 20 | 50 positive windows ; 0.660 | 0.500 to 0.800 ; 0.670 | 0.500
  to 0.800
magnitude: M 6 to 7 ; 20 | 50 positive windows ; too few ; too few
seqnetquake ; shifted catalogues | 2 shifts ; 0.510 | 0.440 to 0.580 ; 0.640 ; 0.018 ; Shifted.
seqnetquake ; seqnetquake ; 0.490 | 0.400 to 0.580 ; 0.625 ; not known ; Labels of seqnetquake.
forest ; shifted catalogues | 2 shifts ; 0.510 | 0.440 to 0.580 ; 0.640 ; 0.018 ; Shifted.
forest ; forest ; 0.490 | 0.400 to 0.580 ; 0.625 ; not known ; Labels of forest.
seqnetquake ; seqnetquake ; 0.470 | 0.400 to 0.550 ; not known ; not known
seqnetquake ; 0.800 | 0.700 to 0.900 ; 0.410 | 0.200 to 0.600
forest ; 0.800 | 0.700 to 0.900 ; 0.410 | 0.200 to 0.600
seqnetquake ; seqnetquake ; 1.25, -0.5 ; 0.4100 ; 0.9300 ; yes ; 2 ; 0123456789ab
forest ; random_forest ; 1.25, -0.5 ; 0.4100 ; 0.9300 ; yes ; 2 ; 0123456789ab
"""


class Page(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attributes)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        elif tag == "small":
            self.rows[-1][-1] += " | "

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else "", data))
        if self.rows and self.rows[-1] and self.elements[-1][0] in ("th", "td", "small"):
            self.rows[-1][-1] += data.strip()

    def values(self, name: str) -> list[str | None]:
        return [v for _, attributes in self.elements for k, v in attributes if k == name]


def test_names_that_would_do_harm_are_text() -> None:
    report = made_report(HOSTILE)
    text = render(report, PICTURES)
    assert "<script" not in text.lower()
    hostile, plain = Page(text), Page(render(made_report("NAME"), PICTURES))

    def named(value: str | None) -> str | None:
        return value and value.replace(HOSTILE, "NAME").replace(HOSTILE.upper(), "NAME")

    # The same elements and attributes as with a name of letters, and the same texts around it.
    assert [
        (tag, tuple((k, named(v)) for k, v in attributes)) for tag, attributes in hostile.elements
    ] == plain.elements
    assert named("".join(t for _, t in hostile.texts)) == "".join(t for _, t in plain.texts)


def test_each_section_stands_once_and_the_contents_lead_to_it() -> None:
    page = Page(render(made_report(), PICTURES))
    assert [text for tag, text in page.texts if tag == "h2" and text.strip()] == list(SECTIONS)
    anchors = page.values("id")
    assert len(set(anchors)) == len(anchors) == len(SECTIONS)
    assert [v for v in page.values("href") if v != "data:,"] == [f"#{a}" for a in anchors]
    assert len(page.values("alt")) == len(CHARTS)
    assert all("simulated" in t for tag, t in page.texts if tag in ("title", "h1") and t.strip())


def test_sections_without_content_are_left_out() -> None:
    model = msgspec.structs.replace(
        made_model("one", "cnn"), events=[], stream=None, slices=[], placebos=[], reference=[]
    )
    report = msgspec.structs.replace(
        made_report("one"), models=[model], pairs=[], null_runs=[], null_tests=[], blocks=[]
    )
    page = Page(render(report, {}))
    found = [text for tag, text in page.texts if tag == "h2" and text.strip()]
    assert found == ["Matched test windows", "Decided on validation"]
    assert len(page.values("href")) == 1 + len(found)
    assert "img" not in {tag for tag, _ in page.elements}


def test_numbers_of_the_page_are_those_of_the_report() -> None:
    page = Page(render(made_report(), PICTURES))
    heads = page.elements.count(("thead", ()))
    rows = [" ; ".join(row) for row in page.rows]
    assert len(rows) == heads + len([r for r in ROWS.splitlines() if r and r[0] != " "])
    heading = ("Model ;", "Models ;", "Group ;", "Run ;")
    assert "\n".join(r for r in rows if not r.startswith(heading)).split() == ROWS.split()
    text = " ".join("".join(t for _, t in page.texts).split())
    for words in (
        "1,230 lie before an earthquake",
        "156 of these alarms are right and 2,964 false: a precision of 5 %",
        "right 4.07 times as often as chance and finds 14 % of the windows",
        "0.800 x 0.0123 / (0.800 x 0.0123 + 0.800 x 0.9877) = 1.2 %",
        "1 of 1 intervals of the ROC AUC hold 0.5",
        "3 mainshocks of the test block: 1 alarmed by seqnetquake, 1 missed, 1 without a window",
    ):
        assert words in text


def test_charts_take_any_name() -> None:
    charts = draw_charts(made_report(HOSTILE, "x" * 200))
    assert sorted(charts) == sorted(PICTURES)
    assert all(picture.startswith(b"\x89PNG") for picture in charts.values())


def test_wheel_holds_the_templates() -> None:
    root = Path(__file__).parents[3]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["*"]
    files = [p.name for p in (root / "trainer/evaluation/report").glob("*.jinja")]
    assert len(files) == 3
    assert all(any(fnmatch.fnmatch(name, pattern) for pattern in patterns) for name in files)


def judged(
    found: tuple[float | None, float | None, float | None], *placebos: Placebo
) -> ModelResult:
    return msgspec.structs.replace(
        made_model("m", "cnn"), matched=area(*found), placebos=list(placebos)
    )


ABOVE = (0.625, 0.55, 0.71)
SHIFTS = Placebo("shifts", "", area(0.5, 0.4, 0.6), [], 0.625, 0.01)
ALIKE = msgspec.structs.replace(SHIFTS, p=0.18)
MOVED = Placebo("moved", "", area(0.51, 0.45, 0.57), [], 0.625, None)
SKILFUL = msgspec.structs.replace(MOVED, estimates=area(0.6, 0.55, 0.65))
NULL = NullTest(
    dataset="empty", runs=["m"], largest="m", statistic=0.02, p=0.4, covered=1, intervals=1
)
FOUND = msgspec.structs.replace(NULL, statistic=0.2, p=0.01)


@pytest.mark.parametrize(
    ("model", "nulls", "head", "words"),
    [
        (judged((None, None, None)), [], "No verdict", "is not known"),
        (judged((0.6, None, None)), [], "No verdict", "is not known"),
        (judged((0.6, 0.5, 0.7)), [], "Not told apart from chance", "interval that includes 0.5"),
        (judged((0.5, 0.5, 0.5)), [], "Not told apart from chance", "interval that includes 0.5"),
        (judged((0.4, 0.3, 0.49)), [], "Below chance", "below 0.5 with its whole interval"),
        (judged(ABOVE, ALIKE), [], "Not told apart from chance", "18 % do as well (p = 0.18)"),
        (judged(ABOVE, SKILFUL), [], "In doubt", "moved has a ROC AUC above 0.5 too, 0.600 (0.550"),
        (judged(ABOVE, SHIFTS), [FOUND], "In doubt", "empty, where nothing can be found, m has"),
        (judged(ABOVE, ALIKE, SKILFUL), [], "Not told apart from chance", "; the placebo moved"),
        (judged(ABOVE, SHIFTS, MOVED), [NULL], "Above chance", "no negative control does as well"),
        (judged(ABOVE), [], "Above chance", "no negative control was judged"),
    ],
)
def test_the_verdict_is_one_sentence(
    model: ModelResult, nulls: list[NullTest], head: str, words: str
) -> None:
    sentence = verdict(model, nulls)
    assert sentence.startswith(f"{head}: the ROC AUC of m") or head == "No verdict"
    assert sentence.startswith(head)
    assert words in sentence
    assert ("simulated" in sentence) == (head != "No verdict")
    # One verdict, not one and then another.
    heads = ("No verdict", "Not told", "Below chance", "In doubt", "Above chance")
    assert sum(sentence.count(h) for h in heads) == 1
    assert ". " not in sentence
