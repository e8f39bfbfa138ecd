"""What the folder of a run or a study was made from: the same goes on in it, another is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from edge.errors import one_line
from edge.outputs import replace_file
from trainer.common.code_hash import identity_of
from trainer.common.errors import TrainError

#: In `FolderRecord.inputs`: told of as other ones, for their values say nothing to a person.
_HASHES = {"windows": "other windows", "dataset": "another dataset", "start": "another start"}


class FolderRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Content of a folder's record, as JSON.

    Attributes
    ----------
    what, file, version : str, str, int
        Of the folder, for messages; of the record; of its layout.
    before : frozenset of str
        Files that may be in the folder before the record.
    """

    what: ClassVar[str]
    file: ClassVar[str]
    version: ClassVar[int]
    before: ClassVar[frozenset[str]] = frozenset()

    format: int
    identity: str
    code_version: str
    code_sha256: str

    def inputs(self) -> dict[str, Any]:
        """All that makes another one of it, in the order in which it enters `identity`."""
        raise NotImplementedError


RecordT = TypeVar("RecordT", bound=FolderRecord)


def identified(record: RecordT) -> RecordT:
    """Give a record its identity: sha256 of its inputs, of its layout and of the release."""
    identity = identity_of(record.version, *record.inputs().values())
    return msgspec.structs.replace(record, identity=identity)


def write_record(folder: Path, record: FolderRecord) -> None:
    """Write a record whole."""
    content = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
    replace_file(folder / record.file, content)


def find_record(folder: Path, kind: type[RecordT]) -> RecordT | None:
    """Read the record of a folder, if there is one.

    Raises
    ------
    TrainError
        It is damaged, or of another version.
    """
    place = f"{kind.what} {one_line(folder.name)}: {kind.file}"
    try:
        content = (folder / kind.file).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TrainError(f"{place}: {error.strerror}") from None
    try:
        found = msgspec.json.decode(content)
        version = found.get("format", kind.version) if isinstance(found, dict) else kind.version
        if version != kind.version:
            raise TrainError(f"{place}: format {version}; this version reads {kind.version}")
        return msgspec.convert(found, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TrainError(f"{place} is damaged: {one_line(str(error))}") from None


def refuse_another(folder: Path, planned: RecordT) -> RecordT | None:
    """Give the record of the same inputs, if there is one, and let nothing else be overwritten.

    Returns
    -------
    FolderRecord or None
        None: the folder is new.

    Raises
    ------
    TrainError
        The folder was made from other inputs, or holds something else.
    """
    name = one_line(folder.name)
    found = find_record(folder, type(planned))
    if found is None:
        if folder.exists() and not folder.is_dir():
            raise TrainError(f"{name} is a file; valid is a folder, or a name for a new one")
        if folder.is_dir() and any(
            p.name not in planned.before and not p.name.startswith(".") for p in folder.iterdir()
        ):
            raise TrainError(
                f"{name} holds other files and no {planned.file}: choose another folder"
            )
        return None
    if found.identity != planned.identity:
        raise TrainError(
            f"{planned.what} {name} was made from other inputs ({_difference(found, planned)}): "
            "remove it, or choose another folder"
        )
    return found


def _difference(found: FolderRecord, planned: FolderRecord) -> str:
    """Name the first thing in which two records differ."""
    old, new = _told(found), _told(planned)
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            return _HASHES.get(key, f"{key} {old.get(key)!r}, now {new.get(key)!r}")
    return "another version"


def _told(record: FolderRecord) -> dict[str, Any]:
    # Through JSON, as a record that was read has been. Another commit of a release may go on.
    inputs = msgspec.json.decode(msgspec.json.encode(record.inputs()))
    flat = {"release": record.code_version.partition("+")[0]}
    for key, value in inputs.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat
