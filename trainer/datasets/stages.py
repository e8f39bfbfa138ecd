"""What of a dataset is made already: files with the fingerprint of what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from edge.bundle import file_sha256 as file_sha256
from edge.outputs import replace_file
from trainer.common.code_hash import identity_of
from trainer.common.errors import TrainError

#: Written last: where it is, the dataset is complete.
DATASET_FILE = "dataset.json"
#: Says, while a dataset is being made, which of its files are done.
PARTIAL_FILE = "dataset.partial.json"
#: Version of the layout of a dataset.
DATASET_FORMAT = 1


class FileRecord(msgspec.Struct, frozen=True):
    """One file of a dataset.

    Attributes
    ----------
    fingerprint : str
        Of everything that it was made from.
    sha256 : str
        Of its bytes.
    """

    fingerprint: str
    sha256: str


class _Partial(msgspec.Struct, frozen=True):
    files: dict[str, FileRecord]


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
        self.files: dict[str, FileRecord] = {}
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
        self.files[name] = FileRecord(fingerprint, file_sha256(self.dataset / name))
        self._note()

    def finish(self, card: dict[str, Any], fingerprint: str) -> None:
        """Write ``dataset.json``: the dataset is complete."""
        self.files.pop(DATASET_FILE, None)
        files = {n: msgspec.to_builtins(r) for n, r in sorted(self.files.items())}
        files[DATASET_FILE] = {"fingerprint": fingerprint, "sha256": ""}
        content = msgspec.json.encode(card | {"files": files})
        pretty = msgspec.json.format(content, indent=1) + b"\n"
        replace_file(self.dataset / DATASET_FILE, pretty)
        (self.dataset / PARTIAL_FILE).unlink(missing_ok=True)

    def _note(self) -> None:
        kept = {n: r for n, r in sorted(self.files.items()) if n != DATASET_FILE}
        replace_file(self.dataset / PARTIAL_FILE, msgspec.json.encode(_Partial(kept)))


def fingerprint_of(*parts: Any) -> str:
    """Identity of anything that JSON can say, with the version of a dataset's layout."""
    return identity_of(DATASET_FORMAT, *parts)


def read_card(dataset: Path) -> dict[str, Any]:
    """Read ``dataset.json``.

    Parameters
    ----------
    dataset : Path

    Returns
    -------
    dict

    Raises
    ------
    TrainError
        It is missing, and so the dataset incomplete, or damaged, or of another version.
    """
    path = dataset / DATASET_FILE
    try:
        card = msgspec.json.decode(path.read_bytes(), type=dict)
    except OSError as error:
        raise TrainError(
            f"{dataset.name}: {DATASET_FILE}: {error.strerror}; the dataset is not complete: "
            "run edge-train prepare"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TrainError(f"{dataset.name}: {DATASET_FILE}: {error}") from None
    if card.get("format") != DATASET_FORMAT:
        raise TrainError(
            f"{DATASET_FILE}: format {card.get('format')}; this version reads {DATASET_FORMAT}"
        )
    return card
