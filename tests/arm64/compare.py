"""Hold the results of `make run` on arm64 against those of this machine.

    compare.py HERE THERE CARD

HERE and THERE are folders of results, CARD is the `card.json` of the bundle that made both.
The windows must be the same in all but score and verdict, and the scores within the card's golden
tolerance: another processor, or another interpreter, rounds elsewhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

#: What may differ; a score is held against the tolerance, a verdict follows from it.
ROUNDED = ("score", "verdict")


def windows(folder: Path) -> list[dict[str, Any]]:
    """Windows of all half-orbits in a folder of results, in the order of names and times."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.open("rb")]
    return [row for row in map(json.loads, lines) if row["type"] == "window"]


def main(here: Path, there: Path, card: Path) -> int:
    """Print the largest difference; 1 where it exceeds the tolerance or windows differ."""
    tolerance = json.loads(card.read_bytes())["golden"]["tolerance"]
    expected, got = windows(here), windows(there)
    worst, turned = 0.0, 0
    for ours, theirs in zip(expected, got, strict=False):
        # Both are null where the coverage, which is the same, is too low.
        worst = max(worst, abs((ours["score"] or 0.0) - (theirs["score"] or 0.0)))
        turned += ours["verdict"] != theirs["verdict"]
        fixed = [{k: v for k, v in row.items() if k not in ROUNDED} for row in (ours, theirs)]
        if fixed[0] != fixed[1]:
            print(f"expected the window {fixed[0]}, got {fixed[1]}", file=sys.stderr)
            return 1
    print(
        f"{len(got)} windows against {len(expected)} here: scores differ by at most {worst:.6f} "
        f"(tolerance {tolerance:.6f}), verdicts in {turned}"
    )
    return int(not 0 < len(got) == len(expected) or worst > tolerance)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
