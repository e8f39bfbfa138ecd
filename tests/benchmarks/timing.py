"""Repeated timings of functions, in turn, so that a slow moment hits all of them."""

from __future__ import annotations

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


def least_cpu(functions: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Least seconds of processor time of each function: what other work does not change."""
    for function in functions.values():
        function()
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.process_time()
            function()
            least[name] = min(least[name], time.process_time() - start)
    return least


def rows(medians: dict[str, float], against: str) -> list[dict[str, str]]:
    """Rows with milliseconds and the ratio to one of them."""
    return [
        {
            "what": name,
            "median ms": f"{1000 * value:.3g}",
            "ratio": f"{value / medians[against]:.2f}",
        }
        for name, value in medians.items()
    ]
