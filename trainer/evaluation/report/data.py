"""What an evaluation says: the content of ``report.json``, of which the page is made.

A number comes with its 95 % interval and with what it was taken from. What could not be measured
is null, never a stand-in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.errors import one_line
from edge.outputs import replace_file
from trainer.common.errors import TrainError

#: Version of the layout of ``report.json``.
REPORT_FORMAT = 2
REPORT_FILE = "report.json"
PAGE_FILE = "report.html"


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the report; a field that it does not know is an error."""


class Sample(Record, frozen=True):
    """What a number was taken from.

    Attributes
    ----------
    windows, positives : int
        Positives are among the windows.
    clusters : int
        Of earthquakes, which are resampled whole.
    half_orbits : int
    """

    windows: int
    positives: int
    clusters: int
    half_orbits: int


class Estimate(Record, frozen=True):
    """A number with its 95 % interval; null where it cannot be told."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    sample: Sample


class Curve(Record, frozen=True):
    """Points of a line, x not decreasing."""

    x: list[float]
    y: list[float]


class ReliabilityBin(Record, frozen=True):
    """Windows of like scores: their mean score, and the share of positives among them."""

    score: float
    share: float
    low: float | None
    high: float | None
    windows: int


class Decisions(Record, frozen=True, kw_only=True):
    """What was chosen on validation.

    Attributes
    ----------
    slope, intercept : float
        score = 1 / (1 + exp(-(slope * logit + intercept))).
    threshold : float
        Score at or above which a matched window is called positive: the best F1.
    alarm_threshold : float or None
        Score at or above which a window of the stream is an alarm.
    alarms_asked : float
        Alarms a night half-orbit that `alarm_threshold` keeps to on validation.
    event_rule : str
        When an event counts as found.
    skilful : bool
        Whether the scores rise from controls to positives on validation.
    """

    slope: float
    intercept: float
    threshold: float
    alarm_threshold: float | None
    alarms_asked: float
    event_rule: str
    skilful: bool


class Epicentre(Record, frozen=True):
    """A mainshock of the test block.

    Attributes
    ----------
    latitude, longitude : float
        Degrees.
    magnitude : float
    alarmed : bool or None
        Whether a window within radius and lead time is an alarm; None: there is no such window.
    """

    latitude: float
    longitude: float
    magnitude: float
    alarmed: bool | None


class StreamResult(Record, frozen=True):
    """Every window of unselected half-orbits, as a station would see them.

    Attributes
    ----------
    sample : Sample
    estimates : list of Estimate
    molchan : Curve or None
    reference : str
    epicentres : list of Epicentre
    alarms : list of (float, float)
        Latitude and longitude of the first window of each, degrees.
    """

    sample: Sample
    estimates: list[Estimate]
    molchan: Curve | None
    reference: str
    epicentres: list[Epicentre] = []
    alarms: list[tuple[float, float]] = []


class Slice(Record, frozen=True):
    """One group of a breakdown."""

    axis: str
    group: str
    estimates: list[Estimate]


class Placebo(Record, frozen=True):
    """Skill where there can be none.

    Attributes
    ----------
    name, what : str
    estimates : list of Estimate
        Of the placebo; of shifted catalogues, the mean and the middle 95 % of their AUC.
    values : list of float
        AUC of each shift.
    real : float or None
        The same number with the true labels.
    p : float or None
        Share of placebos that do as well as the true labels, these counted among them.
    """

    name: str
    what: str
    estimates: list[Estimate]
    values: list[float]
    real: float | None
    p: float | None


class ModelResult(Record, frozen=True, kw_only=True):
    """One run."""

    name: str
    kind: str
    run: str
    simulated: bool
    fingerprint: str
    opened: int
    decisions: Decisions
    matched: list[Estimate]
    events: list[Estimate]
    reliability: list[ReliabilityBin]
    roc: Curve
    precision_recall: Curve
    stream: StreamResult | None
    slices: list[Slice]
    placebos: list[Placebo]
    reference: list[Estimate]


class Pair(Record, frozen=True, kw_only=True):
    """The first model less the second, over the same events."""

    first: str
    second: str
    metric: str
    difference: Estimate
    p: float | None
    p_corrected: float | None
    with_main: bool


class NullRun(Record, frozen=True):
    """A run on a mission without any perturbation."""

    name: str
    kind: str
    estimates: list[Estimate]


class NullTest(Record, frozen=True, kw_only=True):
    """Skill of all runs on one mission without any perturbation.

    Attributes
    ----------
    dataset : str
    runs : list of str
    largest : str
        The run with the largest skill.
    statistic : float or None
        Its AUC - 0.5, absolute.
    p : float or None
        How often the best of as many runs without skill has as much, or more.
    covered, intervals : int
        Intervals of the AUC that hold 0.5, of all.
    """

    dataset: str
    runs: list[str]
    largest: str
    statistic: float | None
    p: float | None
    covered: int
    intervals: int


class Report(Record, frozen=True, kw_only=True):
    """An evaluation.

    Attributes
    ----------
    identity : str
        sha256 of the runs and the options that it was made of.
    notice : str
        What has to be read first.
    dataset : str
        Folder name of the dataset of the matched windows.
    fingerprint : str
        Of the matched test windows, which are the same for all models.
    main : str
        Name of the model that the others are held against.
    blocks : list of (str, list of str)
        First and last time (UTC) of each block of the main model's dataset.
    """

    format: int
    identity: str
    code_version: str
    simulated: bool
    notice: str
    quick: bool
    resamples: int
    seed: int
    dataset: str
    mission: str
    fingerprint: str
    main: str
    sample: Sample
    models: list[ModelResult]
    pairs: list[Pair]
    null_runs: list[NullRun]
    null_tests: list[NullTest]
    blocks: list[tuple[str, list[str]]] = []


def finite(value: float | None) -> float | None:
    """Give a number, or nothing in place of what is none."""
    return float(value) if value is not None and math.isfinite(value) else None


def estimate(name: str, found: Any, sample: Sample) -> Estimate:
    """Turn a metric into a number of the report.

    Parameters
    ----------
    name : str
    found : edge.bundle.Metric or None
        With ``value``, ``low`` and ``high``; None: it could not be told.
    sample : Sample
    """
    if found is None:
        return Estimate(name, None, None, None, sample)
    return Estimate(name, finite(found.value), finite(found.low), finite(found.high), sample)


def find(estimates: Sequence[Estimate], name: str) -> Estimate | None:
    """Give the number of that name, if it is there."""
    return next((e for e in estimates if e.name == name), None)


_Text = TypeVar("_Text", bound=msgspec.Struct)


def encode(record: msgspec.Struct) -> bytes:
    """Write a record as JSON.

    Returns
    -------
    bytes
        Indented, of fixed order: the same record gives the same bytes.

    Raises
    ------
    ValueError
        A number is NaN or infinite: what cannot be told has to be null.
    """
    plain = msgspec.to_builtins(record)
    _require_finite(plain, type(record).__name__)
    return msgspec.json.format(msgspec.json.encode(plain), indent=1) + b"\n"


def write_report(folder: Path, report: Report) -> Path:
    """Write ``report.json``.

    Parameters
    ----------
    folder : Path
        Exists.
    report : Report
    """
    path = folder / REPORT_FILE
    replace_file(path, encode(report))
    return path


def read_report(path: Path) -> Report:
    """Read ``report.json``.

    Parameters
    ----------
    path : Path
        The file, or its folder.

    Raises
    ------
    TrainError
        It is missing, damaged or of another version.
    """
    file = path / REPORT_FILE if path.is_dir() else path
    return read_record(file, Report, REPORT_FORMAT)


def read_record(path: Path, kind: type[_Text], version: int) -> _Text:
    """Read a JSON file with a ``format``.

    Parameters
    ----------
    path : Path
    kind : type of Struct
    version : int
        The format that is read.

    Raises
    ------
    TrainError
        It is missing, damaged or of another version.
    """
    name = one_line(path.name)
    try:
        found = msgspec.json.decode(path.read_bytes())
        written = found.get("format") if isinstance(found, dict) else None
        if written != version:
            raise TrainError(f"{name}: format {written!r}; this version reads {version}")
        return msgspec.convert(found, kind)
    except OSError as error:
        raise TrainError(f"{name}: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise TrainError(f"{name}: {one_line(str(error))}") from None


def _require_finite(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}; valid are finite numbers and null")
    if isinstance(value, dict):
        for key, item in value.items():
            _require_finite(item, f"{where}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _require_finite(item, f"{where}[{place}]")
