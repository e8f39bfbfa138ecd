"""Feed the CSES reader damaged and hostile HDF5 files in processes that may die of it.

Findings are a process that ends or hangs, an exception outside `edge.errors`, a warning, and
more memory than the limit. Exit code 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from cses_files import hostile, seeds
from findings import Findings
from mutations import Seed, make_seed, mutate

CHILD = Path(__file__).with_name("cses_child.py")
MOST_MIB = 256
LONGEST_S = 10.0
_START_S = 20.0
# A process serves many inputs; libhdf5 keeps what damaged files left open.
_INPUTS_A_CHILD = 2000


class Child:
    """A process that reads files."""

    def __init__(self, errors: Path) -> None:
        self.served = 0
        self.errors = errors
        self._stream = errors.open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stream,
        )

    def read(self, path: Path) -> dict[str, str]:
        """Have a file read; the outcomes "crash" and "hang" end the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.served += 1
        try:
            self._process.stdin.write(f"{path}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return self._ended("crash")
        # The first answer waits for the imports.
        patience = LONGEST_S + (_START_S if self.served == 1 else 0.0)
        ready, _, _ = select.select([self._process.stdout], [], [], patience)
        if not ready:
            self._process.send_signal(signal.SIGABRT)
            return self._ended("hang")
        line = self._process.stdout.readline()
        if not line:
            return self._ended("crash")
        answer: dict[str, str] = json.loads(line)
        return answer

    def _ended(self, outcome: str) -> dict[str, str]:
        code = self._process.wait(LONGEST_S)
        text = self.errors.read_text(encoding="utf-8", errors="replace")
        frames = [x.strip() for x in text.splitlines() if "/edge/" in x]
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        where = f"{name} {frames[0].rpartition('/')[2] if frames else 'no frame'}"
        self.close()
        return {"outcome": outcome, "where": where, "text": text, "peak_kib": "0"}

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stream):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


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
        Kinds of faults found.
    """
    dice = random.Random(number)
    findings = Findings(folder)
    counts: Counter[str] = Counter()
    valid = seeds()
    with tempfile.TemporaryDirectory() as temporary:
        inbox = Path(temporary)
        child = Child(inbox / "stderr")
        begin = time.monotonic()
        queue: list[tuple[str, str, bytes]] = [("valid", s.name, s.content) for s in valid]
        while queue or time.monotonic() - begin < seconds:
            kind, name, content = queue.pop(0) if queue else _next(valid, dice)
            path = inbox / name
            path.write_bytes(content)
            answer = child.read(path)
            outcome = answer["outcome"]
            counts[f"{kind} {outcome}"] += 1
            if kind == "valid" and outcome == "refused":
                findings.add("refusal", name, name, content, answer["where"])
            elif outcome not in ("read", "refused"):
                findings.add(outcome, answer["where"], name, content, answer["text"])
            elif int(answer["peak_kib"]) > MOST_MIB * 1024:
                outcome = "memory"
                text = f"{int(answer['peak_kib']) // 1024} MiB; {answer['where']}"
                where = re.sub("[0-9]+", "#", answer["where"].partition(": ")[2])
                findings.add("memory", where[:80], name, content, text)
            if outcome in ("crash", "hang", "memory") or child.served >= _INPUTS_A_CHILD:
                child.close()
                child = Child(inbox / "stderr")
            path.unlink(missing_ok=True)
        took = time.monotonic() - begin
        child.close()
    total = sum(counts.values())
    print(f"cses: {total} inputs in {took:.0f} s, {total / took:.0f} a second, seed {number}")
    for key, count in sorted(counts.items()):
        print(f"  {key}: {count}")
    for line in findings.lines():
        print(f"  FOUND {line}")
    sys.stdout.flush()
    return len(findings.count)


def _next(valid: list[Seed], dice: random.Random) -> tuple[str, str, bytes]:
    if dice.random() < 0.85:
        seed = dice.choice(valid)
        return "mutated", seed.name, mutate(seed, dice)
    name, content = hostile(dice)
    if dice.random() < 0.5:
        return "hostile", name, content
    return "hostile mutated", name, mutate(make_seed(name, content), dice)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz/findings/cses"))
    arguments = parser.parse_args()
    sys.exit(1 if run(arguments.seconds, arguments.seed, arguments.findings) else 0)


if __name__ == "__main__":
    main()
