"""Measure, print a table a subject, and write ``tests/benchmarks/results.md``.

Every subject is a module of this folder with ``TITLE``, ``NOTE`` and ``measure()``,
which returns rows; ``complaints(rows)``, where it has that, gives lines that end this with
exit code 1. What counts are ratios within one run; the seconds belong to the machine that
the file names.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from edge.versions import installed_runtime

HERE = Path(__file__).parent
SUBJECTS = (
    "start_up",
    "instructions",
    "idle",
    "memory",
    "scoring",
    "numeric_path",
    "network",
    "isolation",
    "cses_reading",
    "demeter_reading",
    "archive_scale",
)
PACKAGES = ("numpy", "numba", "h5py")


def machine() -> str:
    """Kind of machine, without its name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{os.cpu_count()} cores, {model}, {platform.machine()}"


def table(rows: list[dict[str, str]]) -> list[str]:
    """Markdown table with columns of equal width."""
    columns = list(rows[0])
    width = {c: max(len(c), *(len(r[c]) for r in rows)) for c in columns}
    lines = ["| " + " | ".join(c.ljust(width[c]) for c in columns) + " |"]
    lines.append("|" + "|".join("-" * (width[c] + 2) for c in columns) + "|")
    lines += ["| " + " | ".join(r[c].ljust(width[c]) for c in columns) + " |" for r in rows]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure speed; write results.md.")
    parser.add_argument("subjects", nargs="*", default=SUBJECTS, help=", ".join(SUBJECTS))
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    packages = ", ".join([*(f"{p} {version(p)}" for p in PACKAGES), installed_runtime()])
    lines = [
        "# Measured speed",
        "",
        "Made by `make bench`. Ratios are of one run; absolute times belong to this machine.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}; {machine()}; Python {platform.python_version()}; "
        f"{packages}.",
    ]
    complaints: list[str] = []
    for name in arguments.subjects:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        subject = import_module(name)
        rows = subject.measure()
        lines += ["", f"## {subject.TITLE}", "", *table(rows), "", subject.NOTE]
        if hasattr(subject, "complaints"):
            complaints += subject.complaints(rows)
    text = "\n".join(lines) + "\n"
    print(text)
    if tuple(arguments.subjects) == SUBJECTS:
        (HERE / "results.md").write_text(text, encoding="utf-8")
    sys.exit("\n".join(complaints) or None)


if __name__ == "__main__":
    main()
