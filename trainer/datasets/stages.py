"""What of a dataset is made already: files with the fingerprint of what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from edge.bundle import file_sha256
from edge.outputs import replace_file
from trainer.common.code_hash import identity_of
from trainer.datasets.dataset_card import DATASET_FILE, DATASET_FORMAT, DatasetCard, MadeFile

#: Says, while a dataset is being made, which of its files are done.
PARTIAL_FILE = "dataset.partial.json"


class _Partial(msgspec.Struct, frozen=True):
    files: dict[str, MadeFile]


class Stages:
    """The files of a dataset that need not be made again.

    Parameters
    ----------
    dataset : Path
    fingerprint : str
        Of everything that the dataset is made from. A ``dataset.json`` of another one is taken
        away at once, so that no one takes the mixture for a dataset.
    """

    def __init__(self, dataset: Path, fingerprint: str) -> None:
        self.dataset = dataset
        self.files: dict[str, MadeFile] = {}
        self.complete = False
        done = dataset / DATASET_FILE
        for path in (done, dataset / PARTIAL_FILE):
            try:
                found = msgspec.json.decode(path.read_bytes(), type=_Partial)
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
                continue
            self.files = dict(found.files)
            break
        if done.is_file():
            self.complete = self.current(DATASET_FILE, fingerprint, unhashed=True) and all(
                self.current(name, record.fingerprint)
                for name, record in self.files.items()
                if name != DATASET_FILE
            )
            if not self.complete:
                self._note()
                done.unlink()

    def current(self, name: str, fingerprint: str, unhashed: bool = False) -> bool:
        """Whether a file is there, whole, and was made from the same."""
        record = self.files.get(name)
        if record is None or record.fingerprint != fingerprint:
            return False
        path = self.dataset / name
        return path.is_file() and (unhashed or file_sha256(path) == record.sha256)

    def done(self, name: str, fingerprint: str) -> None:
        """Note that a file is made."""
        self.files[name] = MadeFile(fingerprint, file_sha256(self.dataset / name))
        self._note()

    def finish(self, card: DatasetCard) -> None:
        """Write ``dataset.json``: the dataset is complete."""
        self.files.pop(DATASET_FILE, None)
        files = dict(sorted(self.files.items()))
        files[DATASET_FILE] = MadeFile(card.fingerprint, "")
        content = msgspec.json.encode(msgspec.structs.replace(card, files=files))
        pretty = msgspec.json.format(content, indent=1) + b"\n"
        replace_file(self.dataset / DATASET_FILE, pretty)
        (self.dataset / PARTIAL_FILE).unlink(missing_ok=True)

    def _note(self) -> None:
        kept = {n: r for n, r in sorted(self.files.items()) if n != DATASET_FILE}
        replace_file(self.dataset / PARTIAL_FILE, msgspec.json.encode(_Partial(kept)))


def fingerprint_of(*parts: Any) -> str:
    """Identity of anything that JSON can say, with the version of a dataset's layout."""
    return identity_of(DATASET_FORMAT, *parts)
