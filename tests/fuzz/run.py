"""Fuzz both readers beside each other: what ``make fuzz`` runs.

Findings go to ``build/fuzz/findings``, each with its input. Exit code 1 where there is one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("cses", "demeter")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz/findings"))
    arguments = parser.parse_args()
    running = [
        subprocess.Popen(
            [
                sys.executable,
                str(HERE / f"fuzz_{part}.py"),
                *("--seconds", str(arguments.seconds), "--seed", str(arguments.seed)),
                *("--findings", str(arguments.findings / part)),
            ]
        )
        for part in PARTS
    ]
    codes = [process.wait() for process in running]
    if any(codes):
        print(f"findings are in {arguments.findings}", file=sys.stderr)
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    main()
