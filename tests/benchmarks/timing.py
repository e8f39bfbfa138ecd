"""Repeated timings of functions, in turn, so that a slow moment hits all of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable


def in_turn(functions: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Median seconds of each function over `rounds`, after one call that is not counted."""
    for function in functions.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def least_cpu(functions: dict[str, Callable[[], object]], rounds: int = 60) -> dict[str, float]:
    """Least CPU seconds of each function over `rounds` in turn, whatever else the machine does.

    A function that returns a float has measured itself, in a process of its own.
    """
    for function in functions.values():
        function()
    least = dict.fromkeys(functions, math.inf)
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.process_time()
            own = function()
            took = own if isinstance(own, float) else time.process_time() - start
            least[name] = min(least[name], took)
    return least


def rows(
    seconds: dict[str, float], against: str, column: str = "median ms"
) -> list[dict[str, str]]:
    """Rows with milliseconds and the ratio to one of them."""
    return [
        {
            "what": name,
            column: f"{1000 * value:.3g}",
            "ratio": f"{value / seconds[against]:.2f}",
        }
        for name, value in seconds.items()
    ]
