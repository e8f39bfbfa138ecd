"""Sections of the page that ask what else the scores may have found, and tables of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from trainer.evaluation.report import words as report_words
from trainer.evaluation.report.data import Estimate, Model, Report, find
from trainer.evaluation.report.parts import (
    cell,
    chart,
    heading,
    meanings,
    number,
    paragraph,
    table,
    words,
)

_Terms = Sequence[tuple[str, str, str]]


def slices_section(report: Report) -> list[str]:
    """Make the section on magnitude, region and lead time."""
    groups = [(p.axis, p.group) for p in report.models[0].slices]
    rows = []
    for place, (axis, group) in enumerate(groups):
        parts = [m.slices[place] for m in report.models]
        sample = parts[0].estimates[0].sample
        rows.append(
            [
                f"{escape(axis)}: {escape(group)}",
                f"{sample.clusters}<small>{sample.positives} positive windows</small>",
                *(_slice_cell(find(p.estimates, "roc_auc")) for p in parts),
            ]
        )
    if not rows:
        return []
    names = [f"ROC AUC of {m.name}" for m in report.models]
    return [
        heading("By magnitude, region and lead time"),
        paragraph(
            "Positives of each group against the controls matched to them. Small groups have wide "
            "intervals, and of many groups one in twenty is outside its interval by chance."
        ),
        table("ROC AUC by group, value and interval", ("Group", "Clusters", *names), rows),
    ]


def _slice_cell(found: Estimate | None) -> str:
    return "too few" if found is None or found.value is None else cell(found)


def placebos_section(report: Report, charts: Mapping[str, bytes]) -> list[str]:
    """Make the section on placebo labels."""
    rows = []
    for model in report.models:
        for placebo in model.placebos:
            area = find(placebo.estimates, "roc_auc")
            count = f"<small>{len(placebo.values)} shifts</small>" if placebo.values else ""
            rows.append(
                [
                    escape(model.name),
                    f"{escape(placebo.name)}{count}",
                    cell(area),
                    number(placebo.real),
                    number(placebo.p),
                    words(placebo.what),
                ]
            )
    if not rows:
        return []
    columns = ("Model", "Placebo", "ROC AUC of the placebo", "True labels", "p", "What it is")
    return [
        heading("Placebos"),
        paragraph(
            "The same scores against earthquakes that did not happen there and then. A model that "
            "does as well on placebos has found something else than earthquakes: places, for one. "
            "p is the share of placebos that do as well as the true labels."
        ),
        table("Skill on placebos", columns, rows),
        chart(
            charts.get("placebo.png"),
            "Histogram of the ROC AUC over shifted catalogues, with that of the true labels.",
            "The true labels have to stand to the right of all placebos.",
        ),
    ]


def null_section(report: Report) -> list[str]:
    """Make the section on missions without perturbations."""
    if not report.null_runs:
        return []
    lines = [
        heading("A mission without perturbations"),
        paragraph("Nothing was put in, so nothing can be found: intervals have to include chance."),
    ]
    names = ("roc_auc", "mcc", "f1")
    labels = {name: label for name, label, _ in report_words.MATCHED}
    rows = [
        [escape(r.name), escape(r.kind), *(cell(find(r.estimates, n)) for n in names)]
        for r in report.null_runs
    ]
    lines.append(
        table(
            "Skill where there is none, value and interval",
            ("Run", "Model", *(labels[n] for n in names)),
            rows,
        )
    )
    lines += [
        paragraph(
            f"{test.dataset}: {test.covered} of {test.intervals} intervals of the ROC AUC hold 0.5 "
            f"(of many, 95 % should). The largest skill is that of {test.largest}, "
            f"{number(test.statistic)} off 0.5; the best of as many models without skill has as "
            f"much or more with the probability {number(test.p)}."
        )
        for test in report.null_tests
    ]
    return lines


def reference_section(report: Report) -> list[str]:
    """Make the section on the Bayes reference."""
    models = [m for m in report.models if m.reference]
    if not models:
        return []
    terms = (
        ("reference_roc_auc", "ROC AUC of the reference",
         "Of a reference that knows the simulator's background, on the same windows."),
        ("reference_share", "Share reached",
         "(AUC of the model - 0.5) over (AUC of the reference - 0.5): 1 is all there is to find."),
    )  # fmt: skip
    return [
        heading("Against the Bayes reference"),
        models_table("Share of the skill of the reference", models, terms, lambda m: m.reference),
        terms_list(terms),
    ]


def decisions_section(report: Report) -> list[str]:
    """Make the section on what validation decided."""
    rows = []
    for m in report.models:
        d = m.decisions
        rows.append(
            [
                escape(m.name),
                escape(m.kind),
                f"{d.slope:.4g}, {d.intercept:.4g}",
                number(d.threshold, 4),
                number(d.alarm_threshold, 4),
                "yes" if d.skilful else "no",
                str(m.opened),
                escape(m.fingerprint[:12]),
            ]
        )
    columns = (
        "Model", "Kind", "Calibration: slope, intercept", "Threshold, matched",
        "Threshold, alarms", "Skill on validation", "Times the test block was opened",
        "Fingerprint",
    )  # fmt: skip
    return [
        heading("Decided on validation"),
        paragraph(
            "Calibration has two parameters; the first threshold is that of the best F1 on matched "
            "validation windows, the second keeps to the alarm rate on unselected validation "
            "half-orbits. A test block that was opened more than once is no longer a test of what "
            "was changed in between."
        ),
        table("Parameters and thresholds", columns, rows),
        paragraph(
            f"Code version {report.code_version}; test windows {report.fingerprint[:12]}; format "
            f"{report.format} of report.json, which lies beside this page with all numbers."
        ),
    ]


def models_table(
    caption: str,
    models: Sequence[Model],
    terms: _Terms,
    numbers_of: Callable[[Model], Sequence[Estimate]],
) -> str:
    """Make a table of models: a column for each term that has a number."""
    known = [t for t in terms if any(find(numbers_of(m), t[0]) is not None for m in models)]
    rows = [
        [
            escape(m.name),
            *(cell(find(numbers_of(m), name), 4 if _rare(name) else 3) for name, _, _ in known),
        ]
        for m in models
    ]
    return table(caption, ("Model", *(label for _, label, _ in known)), rows)


def _rare(name: str) -> bool:
    """Whether a number is so small that three digits say little."""
    return name in ("base_rate", "alarmed_share")


def terms_list(terms: _Terms) -> str:
    """Say what each number of a table is."""
    return meanings([(label, text) for _, label, text in terms])
