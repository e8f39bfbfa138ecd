"""How an evaluation is made: its counts, and what is judged beside the runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from trainer.evaluation.stream import UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an evaluation is made.

    Attributes
    ----------
    alarms : float
        Most alarms a night half-orbit, on validation.
    resamples, shifts, units, seed : int
        Resamplings, shifted catalogues, and points of the seismicity reference.
    half_orbits : int or None
        Of a stream, evenly over its block; all by default.
    stream : bool
        Whether unselected half-orbits are judged at all.
    quick : bool
        Said in the report.
    reference : Path or None
        Scores of the Bayes reference.
    placebos, nulls : tuple of Path
        Datasets or runs, and runs.
    bundle : Path or None
        That one of the runs was exported to: its int8 file is judged beside the run.
    """

    alarms: float = 0.2
    resamples: int = 1000
    shifts: int = 200
    units: int = UNITS
    seed: int = 0
    half_orbits: int | None = None
    stream: bool = True
    quick: bool = False
    reference: Path | None = None
    placebos: tuple[Path, ...] = ()
    nulls: tuple[Path, ...] = ()
    bundle: Path | None = None


def quick_form(options: Options) -> Options:
    """Give the quick form: fewer resamplings, shifts, points and half-orbits."""
    return replace(options, resamples=200, shifts=40, units=3000, half_orbits=150, quick=True)
