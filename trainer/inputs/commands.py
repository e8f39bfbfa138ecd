"""The command ``edge-train catalogue``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from trainer.inputs.catalogue import Catalogue
    from trainer.inputs.completeness import BValue

#: Of every command that takes a catalogue.
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Refuse a catalogue with a row that cannot be used.")
]


def catalogue(
    file: Annotated[
        Path, typer.Argument(readable=False, help="ComCat CSV or QuakeML, plain or gzip.")
    ],
    min_magnitude: Annotated[
        float, typer.Option("--min-magnitude", help="Leave out events below it.")
    ] = 5.0,
    max_depth: Annotated[
        float, typer.Option("--max-depth", help="Leave out events below this depth, km.")
    ] = 40.0,
    first: Annotated[
        str | None, typer.Option(help="First day or time, such as 2004-07-01 (UTC).")
    ] = None,
    last: Annotated[
        str | None, typer.Option(help="Last day or time, the day included (UTC).")
    ] = None,
    strict: StrictOption = False,
) -> None:
    """Print what an earthquake catalogue is worth: counts, completeness, b-value, clusters."""
    # Imported here, so that a help text waits for no scipy.
    from edge.entry import say
    from trainer.inputs.catalogue import read_catalogue

    span = _instant("--first", first, False), _instant("--last", last, True)
    say(report(read_catalogue(file, min_magnitude, max_depth, *span, strict=strict)))


def report(found: Catalogue) -> Iterator[str]:
    """Describe a catalogue in lines of text."""
    import numpy as np

    from trainer.inputs.completeness import (
        CLOSE_KM,
        CLOSE_SECONDS,
        DEFAULT_DEPTH_KM,
        completeness,
    )
    from trainer.inputs.declustering import decluster

    yield f"{found.name}: {found.size} events, {found.time[0]}Z to {found.time[-1]}Z"
    yield f"sha256 {found.sha256}"
    yield (
        f"M {found.magnitude.min():g} to {found.magnitude.max():g}, "
        f"depth {found.depth.min():g} to {found.depth.max():g} km"
    )
    for reason, count in found.dropped.items():
        rows = "; ".join(found.named.get(reason, ()))
        yield f"left out: {count} {reason}" + (f" ({rows})" if rows else "")
    summary = completeness(found)
    yield "events a year: " + ", ".join(f"{y} {n}" for y, n in summary.years.items())
    line = f"magnitude of completeness {summary.magnitude_of_completeness:.1f} (maximum curvature)"
    if summary.at_the_cut:
        line += "; the fullest bin is the lowest, so it is the cut that shows: this or less"
    yield line
    yield f"b-value {_b(summary.b_all)}"
    yield f"b-value {_b(summary.b_complete)}"
    yield f"depth of exactly {DEFAULT_DEPTH_KM:g} km, a default: {summary.default_depth_share:.1%}"
    yield (f"pairs closer than {CLOSE_SECONDS:g} s and {CLOSE_KM:g} km: {summary.close_pairs}")
    clusters = decluster(found)
    sizes = np.bincount(clusters.cluster)
    largest = int(np.argmax(sizes))
    inside = np.flatnonzero(clusters.cluster == largest)
    main = int(inside[clusters.mainshock[inside]][0])
    days = (found.time[inside[-1]] - found.time[inside[0]]) / np.timedelta64(1, "h") / 24.0
    yield (
        f"clusters {clusters.size} (windows of Gardner and Knopoff 1974), "
        f"{int((sizes == 1).sum())} of one event; mainshocks are "
        f"{clusters.size / found.size:.1%} of the events"
    )
    yield (
        f"largest cluster: {sizes[largest]} events in {days:.0f} days, mainshock "
        f"M {found.magnitude[main]:g} of {found.time[main]}Z ({found.id[main]})"
    )


def _b(found: BValue) -> str:
    return (
        f"{found.value:.3f} +- {found.uncertainty:.3f} from {found.events} events of "
        f"M >= {found.least_magnitude:.1f}"
    )


def _instant(option: str, text: str | None, whole_day: bool) -> np.datetime64 | None:
    """Return a UTC time; a day alone is its first or its last millisecond."""
    from datetime import UTC, datetime

    import numpy as np

    from edge.errors import one_line
    from trainer.common.errors import TrainError

    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise TrainError(
            f"{option}: expected an ISO date or time such as 2004-07-01, got {one_line(text)!r}"
        ) from None
    if instant.tzinfo is not None:
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    time = np.datetime64(instant, "ms")
    if whole_day and len(text) <= len("2004-07-01"):
        time += np.timedelta64(1, "D") - np.timedelta64(1, "ms")
    return time
