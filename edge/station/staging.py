"""Copy a bundle out of a folder or an archive, believing nothing that stands in it."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edge.bundle import CARD_FILE, CARD_SUM_FILE, Bundle, load_bundle, load_card
from edge.errors import BundleError, ConfigError, one_line
from edge.outputs import flush_folder

#: Most bytes of a bundle, packed or not; the shipped one has half a megabyte.
MAX_BYTES = 32 * 1024 * 1024


def stage(source: Path, folder: Path) -> Bundle:
    """Copy a bundle into a folder and verify every file of the copy against its card.

    Parameters
    ----------
    source : Path
        A folder, or a ``.tar.gz`` or ``.zip`` file with the bundle at its top or in one folder.
    folder : Path
        Receives a folder of the source's name; what the card does not list stays behind.

    Returns
    -------
    Bundle
        The copy, on disk for good.

    Raises
    ------
    BundleError
        The archive is damaged, too large, or holds what no bundle does; or the card is not
        valid, or a file is missing or altered.
    ConfigError
        The copy cannot be written.
    """
    contents = _read_folder(source) if source.is_dir() else _read_archive(source)
    copy = folder / source.resolve().name
    try:
        copy.mkdir()
        for name in (CARD_FILE, CARD_SUM_FILE):
            if name in contents:
                _write(copy / name, contents[name])
        for name in load_card(copy).files:
            if name in contents and PurePosixPath(name).name == name:
                _write(copy / name, contents[name])
        flush_folder(copy)
    except OSError as error:
        raise ConfigError(f"bundle {copy.name}: cannot be copied: {error.strerror}") from None
    return load_bundle(copy)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _read_folder(source: Path) -> dict[str, bytes]:
    # Verified first: only what a valid card names is read.
    card = load_bundle(source).card
    try:
        return {n: (source / n).read_bytes() for n in (CARD_FILE, CARD_SUM_FILE, *card.files)}
    except OSError as error:
        raise BundleError(f"bundle {source.name}: {error.strerror}") from None


def _read_archive(source: Path) -> dict[str, bytes]:
    """Read the files of the one folder of an archive that holds a card, by their names."""
    members: dict[PurePosixPath, bytes] = {}
    try:
        with source.open("rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _refused(source, "expected a folder, a .tar.gz or a .zip file")
            raw = stream.read(MAX_BYTES + 1)
        _check_size(source, len(raw))
        if raw.startswith(b"\x1f\x8b"):
            found = _tar_members(source, raw)
        elif raw.startswith(b"PK\x03\x04"):
            found = _zip_members(source, raw)
        else:
            raise _refused(source, "expected a folder, a .tar.gz or a .zip file")
        for name, content in found:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or not name.isprintable():
                raise _refused(source, f"expected plain names in it, got {name!r}")
            if path in members:
                raise _refused(source, f"expected each name once, got {name!r} twice")
            members[path] = content
    except BundleError:
        raise
    except OSError as error:
        raise _refused(source, error.strerror or f"damaged: {error}") from None
    except Exception as error:
        # tarfile, zipfile, zlib and struct each raise errors of their own on damaged bytes.
        raise _refused(source, f"damaged: {error}") from None
    tops = [path.parent for path in members if path.name == CARD_FILE]
    if len(tops) != 1:
        raise _refused(source, f"expected one {CARD_FILE} in it, got {len(tops)}")
    return {path.name: c for path, c in members.items() if path.parent == tops[0]}


def _tar_members(source: Path, raw: bytes) -> Iterator[tuple[str, bytes]]:
    # Unpacked whole and within bounds before anything in it is believed.
    with gzip.open(io.BytesIO(raw)) as stream:
        plain = stream.read(MAX_BYTES + 1)
    _check_size(source, len(plain))
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for member in archive:
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise _refused(source, f"expected files and folders in it, got {member.name!r}")
            content = archive.extractfile(member)
            assert content is not None
            yield member.name, content.read()


def _zip_members(source: Path, raw: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        _check_size(source, sum(m.file_size for m in members))
        for member in members:
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise _refused(source, f"expected files and folders in it, got {member.filename!r}")
            with archive.open(member) as stream:
                yield member.filename, stream.read(MAX_BYTES)


def _check_size(source: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise _refused(source, f"expected at most {MAX_BYTES} bytes, got more")


def _refused(source: Path, reason: str) -> BundleError:
    return BundleError(f"bundle {one_line(source.name)}: {one_line(reason)}")
