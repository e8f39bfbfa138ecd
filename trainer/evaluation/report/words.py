"""The sentences of the page: what each number is, and what a base rate does to a score."""

from __future__ import annotations

from collections.abc import Sequence

from edge.show.report import RESEARCH_ONLY
from trainer.evaluation.report.data import Estimate, Model, Placebo, find

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
     "fixed on validation finds."),
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


def notice(simulated: bool) -> str:
    """Say what has to be read first."""
    if not simulated:
        return RESEARCH_ONLY
    return (
        "SIMULATED: these numbers come from simulated missions and say nothing about real "
        f"earthquakes. {RESEARCH_ONLY}"
    )


def placebo_doubt(placebos: Sequence[Placebo]) -> str:
    """Say where catalogues that cannot be right do as well, which no interval tells.

    Parameters
    ----------
    placebos : sequence of Placebo

    Returns
    -------
    str
        Nothing where each has a p of at most 0.05, or none is known.
    """
    doubts = [p for p in placebos if p.p is not None and p.p > LARGEST_P]
    return "".join(
        f" But of the placebo {p.name} {100 * (p.p or 0.0):.0f} % do as well (p = {p.p:.2g}): this "
        "is no skill that could not be chance."
        for p in doubts
    )


def base_rate(model: Model) -> str:
    """Do the arithmetic of the base rate in words.

    Parameters
    ----------
    model : Model
        With a stream.

    Returns
    -------
    str
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


def matched_rarity(model: Model, rate: float) -> str:
    """Say what the matched windows' precision becomes where positives are rare.

    Parameters
    ----------
    model : Model
    rate : float
        Base rate of the stream.

    Returns
    -------
    str
        Nothing if recall or false alarm rate cannot be told.
    """
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
