"""Tells on standard error how far a long run is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, TextIO, TypeVar

_Item = TypeVar("_Item")

# In a log file a line now and then; the first and the last always.
_LINE_EVERY_S = 30.0
# On a terminal, of what may be over soon.
_BAR_AFTER_S = 2.0


class Progress:
    """Counts what is done, with rate and time left.

    Parameters
    ----------
    what : str
        Name of the work.
    total : int
        Units in all.
    before : int, optional
        Units that were done by an earlier run: they count, and not for the rate.
    unit : str, optional
    brief : bool, optional
        Say nothing of what is over before the first line or bar is due.
    stream : text stream, optional
        Standard error by default.
    """

    def __init__(
        self,
        what: str,
        total: int,
        before: int = 0,
        unit: str = "half-orbits",
        brief: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._brief = brief
        self._stream = sys.stderr if stream is None else stream
        self._done = self._before = before
        self._begun = self._told = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """Begin to count the time."""
        self._begun = self._told = time.monotonic()
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._total,
                initial=self._before,
                desc=self._what,
                unit=f" {self._unit}",
                delay=_BAR_AFTER_S if self._brief else 0.0,
                leave=not self._brief,
                file=self._stream,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is, or say a last line."""
        if self._bar is not None:
            self._bar.close()
        elif kind is None and not (self._brief and self._told == self._begun):
            self._say()

    def add(self, count: int) -> None:
        """Count units that are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif self._done < self._total and time.monotonic() - self._told >= _LINE_EVERY_S:
            self._say()

    def _say(self) -> None:
        self._told = time.monotonic()
        seconds = max(self._told - self._begun, 1e-9)
        rate = (self._done - self._before) / seconds
        line = f"{self._what}: {self._done} of {self._total} {self._unit}, {rate:.1f}/s"
        if self._done < self._total:
            left = (self._total - self._done) / rate if rate else float("inf")
            line += f", {_clock(left)} left"
        else:
            line += f", in {_clock(seconds)}"
        print(line, file=self._stream, flush=True)


def track(
    items: Iterable[_Item], what: str, total: int, unit: str = "half-orbits"
) -> Iterator[_Item]:
    """Give items on, and tell how many of them went by; see `Progress`.

    Parameters
    ----------
    items : iterable
    what : str
    total : int
    unit : str, optional

    Yields
    ------
    object
        The items.
    """
    with Progress(what, total, unit=unit, brief=True) as progress:
        for item in items:
            yield item
            progress.add(1)


def _clock(seconds: float) -> str:
    if seconds == float("inf"):
        return "unknown time"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
