"""``report.html``: one file that stands alone, made of the report and its charts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape

from trainer.evaluation.report import words as report_words
from trainer.evaluation.report.charts import METRICS
from trainer.evaluation.report.data import Estimate, Model, Report, Sample, find
from trainer.evaluation.report.parts import (
    cell,
    chart,
    contents,
    heading,
    number,
    page,
    paragraph,
    table,
)
from trainer.evaluation.report.sections import (
    decisions_section,
    models_table,
    null_section,
    placebos_section,
    reference_section,
    slices_section,
    terms_list,
)


def render(report: Report, charts: Mapping[str, bytes]) -> str:
    """Make the page.

    Parameters
    ----------
    report : Report
    charts : mapping of str to bytes
        Of `trainer.evaluation.report.charts.draw_charts`.

    Returns
    -------
    str
        HTML.
    """
    sections = (
        _summary(report),
        _matched(report, charts),
        _events(report),
        _pairs(report, charts),
        _stream(report, charts),
        slices_section(report),
        placebos_section(report, charts),
        null_section(report),
        reference_section(report),
        decisions_section(report),
    )
    number_of = len(report.models)
    title = f"Evaluation of {number_of} model{'s' if number_of != 1 else ''} on {report.dataset}"
    if report.simulated:
        title += " (simulated)"
    lines = [line for section in sections for line in section]
    titles = [unescape(t) for t in re.findall(r"<h2[^>]*>(.*?)</h2>", "".join(lines))]
    return page(title, report.notice, [contents(titles), *lines])


def _summary(report: Report) -> list[str]:
    main = next(m for m in report.models if m.name == report.main)
    area = find(main.matched, "roc_auc")
    lines = [
        paragraph(
            f"Mission {report.mission.upper()}; {_of(report.sample)}. Every number below stands "
            f"with its 95 % interval from {report.resamples} resamplings of whole earthquake "
            "clusters, each with its controls. Calibration and thresholds come from validation; "
            "the test block was opened after that."
        )
    ]
    if report.blocks:
        spans = (f"{name} {' to '.join(t[:10] for t in span)}" for name, span in report.blocks)
        lines.append(paragraph(f"Blocks of time: {'; '.join(spans)}."))
    if area is not None and area.value is not None:
        verdict = "which includes chance"
        if area.low is not None and area.low > 0.5:
            verdict = "which lies above chance"
        elif area.high is not None and area.high < 0.5:
            verdict = "which lies below chance"
        lines.append(
            paragraph(
                f"The main model, {main.name}, has a ROC AUC of {number(area.value)} "
                f"({number(area.low)} to {number(area.high)}), {verdict} (0.5)."
                + report_words.placebo_doubt(main.placebos)
            )
        )
    if report.quick:
        lines.append(paragraph("Quick form: fewer resamplings and half-orbits than the full one."))
    return lines


def _matched(report: Report, charts: Mapping[str, bytes]) -> list[str]:
    terms = report_words.MATCHED
    return [
        heading("Matched test windows"),
        paragraph(
            "Positive windows and controls alike in place, season, local time, Kp, instrument mode "
            f"and missing values: {_of(report.sample)}."
        ),
        models_table(
            "Of matched test windows, value and interval", report.models, terms, lambda m: m.matched
        ),
        terms_list(terms),
        chart(
            charts.get("roc.png"),
            "ROC curves of all models; the areas are in the table above.",
            "The further above the diagonal, the better. In brackets: the area.",
        ),
        chart(
            charts.get("precision_recall.png"),
            "Precision over recall of all models; the areas are in the table above.",
            "The level line is what calls at random would reach.",
        ),
        chart(
            charts.get("reliability.png"),
            "Share of positives over calibrated score of all models.",
            "On the diagonal a score of 0.7 means that 70 % of such matched windows are positive. "
            "In the stream, where positives are rare, it does not.",
        ),
    ]


def _events(report: Report) -> list[str]:
    if not any(m.events for m in report.models):
        return []
    lines = [
        heading("Events"),
        models_table(
            "Of events, value and interval", report.models, report_words.EVENTS, lambda m: m.events
        ),
        terms_list(report_words.EVENTS),
    ]
    rules = {m.decisions.event_rule for m in report.models if m.decisions.event_rule}
    lines += [paragraph(f"Rule: {rule}.") for rule in sorted(rules)]
    return lines


def _pairs(report: Report, charts: Mapping[str, bytes]) -> list[str]:
    if not report.pairs:
        return []
    rows = [
        [
            f"{escape(p.first)} less {escape(p.second)}",
            escape(METRICS.get(p.metric, p.metric)),
            cell(p.difference),
            number(p.p),
            number(p.p_corrected),
        ]
        for p in report.pairs
    ]
    columns = ("Models", "Number", "Difference", "p", "p, corrected")
    return [
        heading("Model against model"),
        paragraph(
            "Differences over the same resampled clusters. An interval that includes 0 says that "
            "the data do not tell the two apart. p is how often chance alone would give so large a "
            "difference; corrected (Holm) for all comparisons with the main model, "
            f"{report.main}."
        ),
        table("Differences between models", columns, rows),
        chart(
            charts.get("paired.png"),
            f"Differences of {report.main} from each other model with 95 % intervals, as in the "
            "table above.",
            "A line that crosses 0 is no difference that these data can show.",
        ),
    ]


def _stream(report: Report, charts: Mapping[str, bytes]) -> list[str]:
    models = [m for m in report.models if m.stream is not None]
    if not models:
        return []
    first = models[0].stream
    assert first is not None
    lines = [
        heading("The stream: unselected half-orbits"),
        paragraph(
            f"Every window that a station would score, storms included: {_of(first.sample)}. "
            f"An alarm is a run of windows at or above the threshold, which was set on validation "
            f"to at most {models[0].decisions.alarms_asked:g} alarms a night half-orbit."
        ),
        models_table(
            "Of all windows, value and interval", models, report_words.STREAM, _stream_estimates
        ),
        terms_list(report_words.STREAM),
        heading("What the base rate does", 3),
        *(paragraph(report_words.base_rate(m)) for m in models),
    ]
    main = next((m for m in models if m.name == report.main), None)
    rate = find(first.estimates, "base_rate")
    if main is not None and rate is not None and rate.value:
        text = report_words.matched_rarity(main, rate.value)
        lines += [paragraph(text)] if text else []
    if any(m.stream is not None and m.stream.molchan is not None for m in models):
        lines += [
            paragraph(f"Seismicity reference: {first.reference}."),
            chart(
                charts.get("molchan.png"),
                "Molchan diagram of all models; the area skill scores are in the table above.",
                "Below the diagonal, alarms find more events than the same seismicity-weighted "
                "space-time drawn at random would.",
            ),
        ]
    return lines


def _stream_estimates(model: Model) -> Sequence[Estimate]:
    return [] if model.stream is None else model.stream.estimates


def _of(sample: Sample) -> str:
    return (
        f"{sample.windows:,} windows, {sample.positives:,} of them positive, of "
        f"{sample.clusters:,} earthquake clusters and {sample.half_orbits:,} half-orbits"
    )
