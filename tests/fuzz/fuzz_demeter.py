"""Fuzz the DEMETER reader with atheris for a time, in rounds that share what they learn.

Findings are a process that ends or hangs, an exception outside `edge.errors`, a warning, a
payload that breaks its promises, and more memory than the limit. Exit code 1 where there is
one. Needs atheris, of the extra ``dev``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
# A fresh process each round: the tracing of comparisons loses memory.
_ROUND_S = 20


def run(seconds: float, number: int, folder: Path) -> int:
    """Fuzz for a time and print what happened.

    Parameters
    ----------
    seconds : float
    number : int
        Seed of the random numbers.
    folder : Path
        For findings.

    Returns
    -------
    int
        Files and folders of findings.
    """
    if find_spec("atheris") is None:
        print("demeter: not fuzzed, atheris is not installed")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    inputs, covered, rounds = 0, 0, 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as corpus:
        while (left := seconds - (time.monotonic() - begin)) > 0.5 or not rounds:
            rounds += 1
            command = [sys.executable, str(HERE / "demeter_child.py")]
            command += ["--seconds", str(max(1, round(min(left, _ROUND_S))))]
            command += ["--seed", str(number + rounds), "--findings", str(folder)]
            done = subprocess.run(
                [*command, "--corpus", corpus], capture_output=True, text=True, check=False
            )
            inputs += _last(r"number_of_executed_units: +([0-9]+)", done.stderr)
            covered = max(covered, _last(r"cov: ([0-9]+)", done.stderr))
            if done.returncode:
                place = folder / f"crash-{number + rounds}.txt"
                place.write_text(f"exit code {done.returncode}\n{done.stderr}", encoding="utf-8")
        took = time.monotonic() - begin
        kept = len(list(Path(corpus).iterdir()))
    found = sorted(p.name for p in set(folder.iterdir()) - before)
    print(f"demeter: {inputs} inputs in {took:.0f} s, {inputs / took:.0f} a second, seed {number}")
    print(f"  {rounds} rounds, {covered} branches covered, {kept} inputs in the corpus")
    for name in found:
        print(f"  FOUND {name}")
    sys.stdout.flush()
    return len(found)


def _last(pattern: str, text: str) -> int:
    numbers = re.findall(pattern, text)
    return int(numbers[-1]) if numbers else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz/findings/demeter"))
    arguments = parser.parse_args()
    sys.exit(1 if run(arguments.seconds, arguments.seed, arguments.findings) else 0)


if __name__ == "__main__":
    main()
