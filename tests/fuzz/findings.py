"""What fuzzing found: one folder a finding, with the input and what happened."""

from __future__ import annotations

import hashlib
import re
import traceback
from pathlib import Path

# The same fault met by many inputs is one finding; a few inputs are enough to mend it.
_MOST_INPUTS = 3


class Findings:
    """Keeps the first inputs of every kind of fault.

    Parameters
    ----------
    folder : Path
        Made when the first finding comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count: dict[str, int] = {}

    def add(self, kind: str, where: str, filename: str, content: bytes, text: str) -> None:
        """Store an input, unless enough of its kind are there.

        Parameters
        ----------
        kind : {"crash", "hang", "error", "memory", "refusal"}
        where : str
            What tells one fault of this kind from another.
        filename : str
            Name that the input had: readers look at it.
        content : bytes
        text : str
            The whole story, for a person.
        """
        signature = f"{kind}-{hashlib.sha256(f'{kind} {where}'.encode()).hexdigest()[:8]}"
        number = self.count[signature] = self.count.get(signature, 0) + 1
        if number > _MOST_INPUTS:
            return
        place = self.folder / f"{signature}-{number}"
        place.mkdir(parents=True, exist_ok=True)
        (place / filename).write_bytes(content)
        (place / "what.txt").write_text(f"{kind}: {where}\n\n{text}\n", encoding="utf-8")

    def lines(self) -> list[str]:
        """One line a kind of fault."""
        return [f"{name}: {count} inputs" for name, count in sorted(self.count.items())]


def signature(error: BaseException) -> str:
    """Type of an exception and the function of ours that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((f for f in reversed(frames) if "/edge/" in f.filename), frames[-1])
    where = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.name}"
    # Only of these does the message tell one fault from another.
    if isinstance(error, AssertionError | Warning):
        where += f": {re.sub('[-0-9.]+', '#', str(error))[:60]}"
    return where
