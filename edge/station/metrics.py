"""The state of a station for Prometheus, in its text exposition format.

A file for the textfile collector of node_exporter: nothing is sent, and no port is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge.errors import ConfigError
from edge.outputs import replace_file
from edge.station.status import StationStatus

Kind = Literal["counter", "gauge"]
_PREFIX = "edge_score_"
_SUFFIX = ".prom"


def check_path(path: str | None) -> str:
    """Refuse a setting `metrics` that no collector would read.

    Returns
    -------
    str
        What keeps the file from being written, which keeps no station from its work; or ``""``.

    Raises
    ------
    ConfigError
        Its name does not end in ``.prom``.
    """
    if path is None:
        return ""
    if Path(path).suffix != _SUFFIX:
        raise ConfigError(f"metrics: expected a name that ends in {_SUFFIX}, got {path!r}")
    if not Path(path).parent.is_dir():
        return f"metrics: expected a file in a folder that is there, got {path!r}"
    return ""


def write_metrics(path: Path, status: StationStatus) -> None:
    """Replace the file of metrics whole.

    Raises
    ------
    OSError
    """
    replace_file(path, metrics_text(status).encode())


def metrics_text(status: StationStatus) -> str:
    """Write a status as metrics.

    Returns
    -------
    str
        A metric whose value is not known is left out.
    """
    return "".join(f"{line}\n" for line in _lines(status))


def _lines(s: StationStatus) -> Iterator[str]:
    labels = {
        "version": s.code_version,
        "runtime": s.runtime,
        "bundle": s.bundle,
        "trained_on": s.trained_on,
    }
    yield from _metric("info", "gauge", "Versions, and what the model was trained on.", 1, labels)
    yield from _metric(
        "simulated_training",
        "gauge",
        "1 where scores come from a model that was trained on simulated missions.",
        int(s.trained_on == "simulated"),
    )
    yield from _metric("runs_total", "counter", "Runs of edge-score stream.", s.runs)
    # Not counters: a half-orbit goes from state to state.
    name = f"{_PREFIX}half_orbits"
    yield from _head(name, "gauge", "Half-orbits in the ledger by state.")
    for state, count in s.states.items():
        yield f'{name}{{state="{_escaped(state)}"}} {count}'
    name = f"{_PREFIX}finished_half_orbits"
    yield from _head(name, "gauge", "Half-orbits that came to an end in the last 24 hours.")
    for state in ("scored", "insufficient", "day", "failed"):
        yield f'{name}{{state="{state}"}} {getattr(s.day, state)}'
    yield from _metric("alarms", "gauge", "Alarms found in the last 24 hours.", s.day.alarms)
    yield from _metric("valid_alarms", "gauge", "Alarms that are still valid.", len(s.alarms))
    yield from _metric("attention", "gauge", "Things that need a person.", len(s.attention))
    for what, text, time in (
        ("last_run", "End of the last run, or turn of a watcher.", s.last_run),
        ("last_success", "End of the last one that ended well.", s.last_success),
        ("last_arrival", "Arrival of the newest file.", s.last_arrival),
        ("last_done", "When a half-orbit came to an end last.", s.last_done),
        ("last_acquisition", "End of the newest half-orbit as it was taken.", s.last_acquisition),
    ):
        yield from _metric(f"{what}_timestamp_seconds", "gauge", text, _seconds(time))
    yield from _metric(
        "last_run_exit_code", "gauge", "Of the last run; none while one goes on.", s.last_exit
    )
    yield from _metric("disk_free_bytes", "gauge", "Free where the results lie.", s.free_bytes)
    yield from _metric("results_bytes", "gauge", "Size of the results.", s.results_bytes)


def _metric(
    name: str, kind: Kind, text: str, value: float | None, labels: dict[str, str] | None = None
) -> Iterator[str]:
    """Yield the lines of a metric with one value; none where that is None."""
    if value is None:
        return
    yield from _head(_PREFIX + name, kind, text)
    pairs = ",".join(f'{key}="{_escaped(label)}"' for key, label in (labels or {}).items())
    # Not in powers of ten, which would round a time.
    number = str(value) if isinstance(value, int) else f"{value:.3f}"
    yield f"{_PREFIX}{name}{{{pairs}}} {number}" if pairs else f"{_PREFIX}{name} {number}"


def _head(name: str, kind: Kind, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _seconds(time: str | None) -> float | None:
    return None if time is None else datetime.fromisoformat(time).timestamp()
