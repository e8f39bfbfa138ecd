"""The sentences of the page: the verdict, what each number is, what a base rate does to a score."""

from __future__ import annotations

from collections.abc import Sequence

from edge.show.report import RESEARCH_ONLY
from trainer.evaluation.report.data import Estimate, ModelResult, NullTest, find

#: Above it, placebos do as well too often.
LARGEST_P = 0.05

#: Name in the report, name on the page, meaning.
MATCHED = (
    ("f1", "F1",
     "F1 of the positive class: the harmonic mean of precision and recall. Calling everything "
     "positive gives 0.667 where half of the windows are."),
    ("mcc", "MCC", "Matthews correlation of call and truth: 1 perfect, 0 as by chance."),
    ("precision", "Precision", "Share of windows called positive that are. Among matched windows, "
     "where positives are common: in the stream it is far lower."),
    ("recall", "Recall", "Share of positive windows that are called positive."),
    ("roc_auc", "ROC AUC", "Probability that a positive window scores higher than a control: "
     "0.5 is chance."),
    ("pr_auc", "PR AUC", "Area under precision over recall; chance gives the share of positives."),
    ("brier", "Brier score", "Mean squared error of the calibrated score: 0 is perfect, 0.25 is a "
     "constant one half."),
)  # fmt: skip

EVENTS = (
    ("event_recall", "Event recall", "Share of earthquake clusters with windows that the rule "
     "fixed on validation finds. Of none or all the interval is exact (Clopper and Pearson)."),
    ("event_precision", "Event precision", "Events found over these and the control passes that "
     "the same rule alarms."),
    ("event_f1", "Event F1", "Harmonic mean of precision and recall of events."),
)  # fmt: skip

STREAM = (
    ("alarms_per_night_half_orbit", "Alarms a night half-orbit", "Runs of windows at or above the "
     "threshold, storms included."),
    ("alarmed_share", "Space-time alarmed", "Share of all windows at or above the threshold."),
    ("base_rate", "Base rate", "Share of all windows that lie in an event's circle and lead time."),
    ("precision", "Precision", "Share of alarmed windows that do."),
    ("recall", "Recall", "Share of those windows that are alarmed."),
    ("event_recall", "Events alarmed", "Share of events with a window alarmed, of those that the "
     "satellite passed within radius and lead time."),
    ("events_passed", "Events passed", "Share of events that it passed so; the others are missed "
     "by any model."),
    ("roc_auc", "ROC AUC", "Positive windows against clear ones."),
    ("area_skill_score", "Area skill score", "Area above the Molchan curve of the events passed, "
     "space-time weighted by where earthquakes were before: 0.5 is no better than that map."),
    ("probability_gain", "Probability gain", "Share of these events alarmed over the share of "
     "seismicity-weighted space-time alarmed: 1 is no better than the map."),
)  # fmt: skip
REFERENCE = (
    ("reference_roc_auc", "ROC AUC of the reference", "Of a reference that knows the simulator's "
     "background, on the same windows."),
    ("reference_share", "Share reached", "(AUC of the model - 0.5) over (AUC of the reference - "
     "0.5): 1 is all there is to find."),
)  # fmt: skip

#: Names on the page of what is compared.
LABELS = {name: label for name, label, _ in (*MATCHED, *EVENTS)}


def notice(simulated: bool) -> str:
    """Say what has to be read first."""
    if not simulated:
        return RESEARCH_ONLY
    return (
        "SIMULATED: these numbers come from simulated missions and say nothing about real "
        f"earthquakes. {RESEARCH_ONLY}"
    )


def verdict(main: ModelResult, null_tests: Sequence[NullTest] = ()) -> str:
    """Say in one sentence what the evaluation comes to, negative controls included.

    Parameters
    ----------
    main : ModelResult
    null_tests : sequence of NullTest, optional
    """
    area = find(main.matched, "roc_auc")
    if area is None or area.value is None or area.low is None or area.high is None:
        return f"No verdict: the ROC AUC of {main.name}, or its interval, is not known."
    data = "simulated matched test windows" if main.simulated else "matched test windows"
    found = f"the ROC AUC of {main.name} on {data}, {told(area)},"
    if area.low <= 0.5 <= area.high:
        return f"Not told apart from chance: {found} has an interval that includes 0.5."
    if area.high < 0.5:
        return f"Below chance: {found} lies below 0.5 with its whole interval."
    chance = [
        f"of the placebo {p.name} {100 * p.p:.0f} % do as well (p = {p.p:.2g})"
        for p in main.placebos
        if p.p is not None and p.p > LARGEST_P
    ]
    other = [
        f"the placebo {p.name} has a ROC AUC above 0.5 too, {told(own)}"
        for p in main.placebos
        if p.p is None and (own := find(p.estimates, "roc_auc")) and (own.low or 0.0) > 0.5
    ]
    other += [
        f"on {t.dataset}, where nothing can be found, {t.largest} has skill too (p = {t.p:.2g})"
        for t in null_tests
        if t.p is not None and t.p <= LARGEST_P
    ]
    if chance or other:
        head = "Not told apart from chance" if chance else "In doubt"
        return f"{head}: {found} lies above 0.5, but {'; '.join(chance + other)}."
    controls = "but no negative control was judged"
    if main.placebos or null_tests:
        controls = "and no negative control does as well"
    return f"Above chance: {found} lies above 0.5 with its whole interval, {controls}."


def evidence(main: ModelResult, null_tests: Sequence[NullTest] = ()) -> list[tuple[str, str]]:
    """List the numbers of which `verdict` is made.

    Parameters
    ----------
    main : ModelResult
    null_tests : sequence of NullTest, optional

    Returns
    -------
    list of (str, str)
        What was judged, and what came out.
    """
    area = find(main.matched, "roc_auc")
    entries = [("Matched test windows", f"ROC AUC {told(area)}; chance is 0.5.")]
    for placebo in main.placebos:
        text = f"ROC AUC {told(find(placebo.estimates, 'roc_auc'))}; chance is 0.5."
        if placebo.p is not None:
            text += f" True labels: {number(placebo.real)}, p = {placebo.p:.2g}."
        entries.append((f"Placebo: {placebo.name}", text))
    entries += [
        (
            f"Null mission: {t.dataset}",
            f"Largest skill {number(t.statistic)} off 0.5, p = {number(t.p)}; {t.covered} of "
            f"{t.intervals} intervals hold 0.5.",
        )
        for t in null_tests
    ]
    return entries


def number(value: float | None, digits: int = 3) -> str:
    """Write a number, or that it is not known."""
    if value is None:
        return "not known"
    if value != 0.0 and abs(value) < 10.0**-digits:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def told(found: Estimate | None) -> str:
    """Write a number with its interval in a line."""
    if found is None or found.value is None:
        return "not known"
    if found.low is None or found.high is None:
        return number(found.value)
    return f"{number(found.value)} ({number(found.low)} to {number(found.high)})"


def base_rate(model: ModelResult) -> str:
    """Do the arithmetic of the base rate in words.

    Parameters
    ----------
    model : ModelResult
        With a stream.
    """
    assert model.stream is not None
    numbers = model.stream.estimates
    rate, share, precision, recall = (
        _value(find(numbers, name))
        for name in ("base_rate", "alarmed_share", "precision", "recall")
    )
    if rate is None or share is None:
        return f"{model.name}: the stream gives no base rate."
    thousand = 100_000
    text = (
        f"{model.name}: of {thousand:,} windows, {rate * thousand:,.0f} lie before an earthquake, "
        f"in its circle and lead time (base rate {100 * rate:.2g} %). The model alarms "
        f"{share * thousand:,.0f} of them"
    )
    if not share or precision is None:
        return f"{text}, so no precision can be told."
    right = share * precision * thousand
    text += (
        f"; {right:,.0f} of these alarms are right and {share * thousand - right:,.0f} false: "
        f"a precision of {100 * precision:.2g} %."
    )
    if rate:
        text += (
            f" Alarms drawn at random would have {100 * rate:.2g} %, so the model is right "
            f"{precision / rate:.2f} times as often as chance"
        )
        text += f" and finds {100 * recall:.2g} % of the windows." if recall is not None else "."
    return text


def matched_rarity(model: ModelResult) -> str:
    """Say what the matched windows' precision becomes where positives are rare.

    Returns
    -------
    str
        Nothing if recall, false alarm rate or base rate cannot be told.
    """
    rate = None if model.stream is None else _value(find(model.stream.estimates, "base_rate"))
    recall, precision = (_value(find(model.matched, name)) for name in ("recall", "precision"))
    sample = find(model.matched, "recall")
    if not recall or not precision or sample is None or not rate:
        return ""
    positives = sample.sample.positives
    controls = sample.sample.windows - positives
    false = recall * positives * (1.0 - precision) / precision / max(controls, 1)
    there = recall * rate / (recall * rate + false * (1.0 - rate))
    return (
        f"Among matched windows {model.name} has a precision of {precision:.3f}, with a recall of "
        f"{recall:.3f} and a false alarm rate of {false:.3f}. At the base rate of the stream, "
        f"{100 * rate:.2g} %, the same two rates give {recall:.3f} x {rate:.4g} / ({recall:.3f} x "
        f"{rate:.4g} + {false:.3f} x {1 - rate:.4g}) = {100 * there:.2g} %."
    )


def _value(found: Estimate | None) -> float | None:
    return None if found is None else found.value
