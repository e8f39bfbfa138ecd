"""The cheap look at a file before anything is parsed: name, kind, size, first bytes.

Never opens h5py: a folder of thousands of files is sniffed in a moment, and a run
that finds nothing new imports no reader.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
from pathlib import Path

from edge.errors import InputError
from edge.readers.names import FileName, parse_name

_HEAD_BYTES = 24
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: First byte of every N1 record, decimal 76 (CCSDS P-field; DMT-SP-9-CM-6054-LPC, block 1).
CCSDS_P_FIELD = 0x4C

#: Bytes of one N1 record for each APID (table N1-1 and following).
RECORD_BYTES = {
    "1129": 7517,
    "1130": 49489,
    "1131": 33063,
    "1132": 8510,
    "1133": 16679,
    "1134": 8510,
    "1135": 49489,
    "1136": 33063,
    "1137": 8510,
    "1138": 5706,
    "1139": 312,
    "1140": 312,
    "1141": 5408,
    "1142": 4740,
    "1143": 289,
    "1144": 289,
}

# What an errno says of a file.
_WHY = {
    errno.ENOENT: "no such file",
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.EISDIR: "is a folder, not a file",
    errno.ELOOP: "a loop of symbolic links",
    errno.ENAMETOOLONG: "its path is too long",
}
# What it says of the station; the errno's name is for whoever mends it.
_STATION = {
    errno.EIO: "the disk or the network gives a read error",
    errno.EAGAIN: "another program holds it locked, or the system is short of resources",
    errno.ENOLCK: "its file system has no locks to give",
    errno.EMFILE: "this program has too many files open",
    errno.ENFILE: "the system has too many files open",
    errno.ENOMEM: "not enough memory to read it",
    errno.ESTALE: "its network file system lost it for the moment",
    errno.ETIMEDOUT: "its disk or network does not answer",
}

# The errnos that the same file gives again however often it is tried: what it is, and a
# place in it (an address that libhdf5 took from its bytes) that no file can have. Every
# other errno speaks of the station: disk, network, memory, rights.
_LASTING = {
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.EOVERFLOW,
    errno.EFBIG,
    errno.ESPIPE,
}

# libhdf5 gives the errno of the system call in its text, h5py not always in the exception.
_IN_TEXT = re.compile(r"errno = ([0-9]+)")


def system_errno(error: BaseException) -> int:
    """Errno of the system call that failed, told by the exception or by libhdf5's text.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    int
        0 where no system call failed.
    """
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _IN_TEXT.search(str(error))
    return int(found[1]) if found else 0


def explain_os_error(path: Path, error: BaseException) -> InputError:
    """Turn the failure of a system call into an error that names the file and the cause.

    Parameters
    ----------
    path : Path
    error : BaseException
        An OSError, or what h5py made of one.

    Returns
    -------
    InputError
        Transient unless the errno speaks of the file's name or bytes.
    """
    code = system_errno(error)
    if not code:
        return InputError(path, getattr(error, "strerror", None) or str(error), transient=True)
    why = _WHY.get(code)
    if why is None:
        words = _STATION.get(code) or f"it cannot be read: {os.strerror(code)}"
        why = f"{words} ({errno.errorcode.get(code, code)})"
    return InputError(path, why, transient=code not in _LASTING)


# First bytes of what lies under a payload's name by mistake. Never the bytes themselves:
# the line goes to logs.
_SIGNATURES = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"CDF\x01", "netCDF 3"),
    (b"CDF\x02", "netCDF 3"),
    (b"\xcd\xf3\x00\x01", "NASA CDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"<?xml", "XML"),
    (b"{", "JSON or other text"),
    (bytes(8), "zero bytes, as a download that was broken off leaves them"),
)


def _what_it_is(head: bytes) -> str:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<head")):
        return ": it is a web page, as a server sends in place of a file"
    return next((f": it is {what}" for first, what in _SIGNATURES if head.startswith(first)), "")


def not_ready() -> BlockingIOError:
    """Give the error EAGAIN, in whose place an unbuffered read gives None."""
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def sniff(path: Path | str) -> FileName:
    """Check that a file can be a payload of a half-orbit.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    FileName
        What its name promises; the reader checks the content against it.

    Raises
    ------
    InputError
        No such file, a folder, no permission, an unknown name, an empty file, other
        first bytes than the format's, or a DEMETER file of less than a record.
    """
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(path, "is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(path, "is not a regular file")
        name = parse_name(path)
        with path.open("rb", 0) as stream:
            head = stream.read(_HEAD_BYTES)
            if head is None:
                raise not_ready()
            if name.mission == "demeter" and head and head[0] != CCSDS_P_FIELD:
                head += stream.read(2 * RECORD_BYTES[name.payload]) or b""
    except OSError as error:
        raise explain_os_error(path, error) from None
    except ValueError as error:
        raise InputError(path, f"no such file: {error}") from None
    if not head:
        raise InputError(path, "is empty (0 bytes)")
    if name.mission == "cses":
        if not head.startswith(_HDF5_SIGNATURE):
            raise InputError(path, f"is not HDF5{_what_it_is(head)}")
        return name
    record = RECORD_BYTES[name.payload]
    if status.st_size < record:
        raise InputError(path, f"has {status.st_size} bytes, less than a record of {record}")
    if head[0] != CCSDS_P_FIELD and not _lost_its_begin(head, name):
        raise InputError(
            path,
            f"is not DEMETER N1: it begins with 0x{head[0]:02x}, a record with 0x4c"
            f"{_what_it_is(head)}",
        )
    return name


def _lost_its_begin(head: bytes, name: FileName) -> bool:
    """Whether a file's first record is zeros, or is followed by one of the half-orbit's."""
    identity = re.escape(struct.pack(">Hh", name.orbit & 0xFFFF, name.direction))
    header = re.compile(rb"%c.{21}%b" % (CCSDS_P_FIELD, identity), re.DOTALL)
    return not any(head[: RECORD_BYTES[name.payload]]) or header.search(head) is not None
