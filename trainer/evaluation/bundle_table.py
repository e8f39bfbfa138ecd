"""What a comparison of two bundles says, and its table in Markdown."""

from __future__ import annotations

import msgspec

from trainer.evaluation.paired_stream import Compared, Number
from trainer.evaluation.report import words
from trainer.evaluation.report.data import Record

#: Version of the layout of `BundleComparison`.
COMPARISON_FORMAT = 1
_LABELS = {name: label for name, label, _ in words.STREAM}
_LABELS |= {"precision": "Precision of windows", "alarm_precision": "Precision of alarms"}


class Choices(Record, frozen=True, kw_only=True):
    """What a comparison is made by.

    Attributes
    ----------
    alarms : float
        Alarms a night half-orbit that each threshold keeps to on the calibration span.
    calibration : float
        Share of the time, its first part, that thresholds are chosen on. 0: they are read off the
        judged half-orbits, where both bundles then have the same rate.
    """

    alarms: float = 0.2
    calibration: float = 0.4
    resamples: int = 1000
    seed: int = 0


class Side(Record, frozen=True, kw_only=True):
    """A bundle, and what was decided for it.

    Attributes
    ----------
    run : str
        sha256 of the trained model, as in the card.
    code_version : str
        That exported it.
    threshold : float
        Score at or above which a window is alarmed here; that of the card is not used.
    calibration_alarms : float
        Alarms a night half-orbit at that threshold on the calibration span.
    windows : int
        Of the judged span.
    """

    name: str
    run: str
    code_version: str
    trained_on: str
    threshold: float
    calibration_alarms: float
    windows: int


class BundleComparison(Record, frozen=True, kw_only=True):
    """What became of two bundles on one stream.

    Attributes
    ----------
    calibration, judged : tuple of str
        First and last row, UTC.
    calibration_half_orbits, half_orbits : int
        Night ones with data, none selected.
    events : int
        Mainshocks of the judged span that a window of either bundle could alarm.
    found_by_old_alone, found_by_new_alone : int
        Of these.
    """

    format: int
    code_version: str
    simulated: bool
    archive: str
    mission: str
    catalogue: str
    catalogue_sha256: str
    recipe: str
    choices: Choices
    calibration: tuple[str, str]
    judged: tuple[str, str]
    calibration_half_orbits: int
    half_orbits: int
    events: int
    found_by_old_alone: int
    found_by_new_alone: int
    old: Side
    new: Side
    measures: list[Compared]


_SOURCE = {
    True: "Thresholds from {} half-orbits, {}: ",
    False: "Thresholds read off the {} half-orbits that judge, {}, where no station could: ",
}


def table(found: BundleComparison) -> list[str]:
    """Write a comparison as lines of Markdown."""

    def days(ends: tuple[str, str]) -> str:
        return f"{ends[0][:10]} to {ends[1][:10]}"

    head = [
        words.notice(found.simulated),
        "",
        _SOURCE[found.choices.calibration > 0.0].format(
            found.calibration_half_orbits, days(found.calibration)
        )
        + "; ".join(
            f"{which} {side.threshold:.3f} ({side.calibration_alarms:.3f} alarms a half-orbit)"
            for which, side in (("old", found.old), ("new", found.new))
        )
        + f". Judged on {found.half_orbits} half-orbits, {days(found.judged)}, with "
        f"{found.events} events passed, of which {found.found_by_old_alone} found by the old "
        f"bundle alone and {found.found_by_new_alone} by the new one alone.",
        "",
        f"| | old: {found.old.run[:8]} | new: {found.new.run[:8]} | new - old |",
        "|---|---|---|---|",
    ]
    return head + [
        f"| {_LABELS[m.name]} | {_cell(m.old)} | {_cell(m.new)} | {_cell(m.difference, '+')} |"
        for m in found.measures
    ]


def _cell(number: Number, sign: str = "") -> str:
    if number.value is None:
        return "not known"
    # 0 has no sign.
    value, low, high = (
        "?" if x is None else format(x, f"{sign if x else ''}.3g")
        for x in msgspec.structs.astuple(number)
    )
    return f"{value} ({low} to {high})"
