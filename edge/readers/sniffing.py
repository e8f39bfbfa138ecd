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

_WHY = {
    errno.ENOENT: "no such file",
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.EISDIR: "is a folder, not a file",
    errno.ELOOP: "a loop of symbolic links",
    errno.ENAMETOOLONG: "its path is too long",
}


def explain_os_error(path: Path, error: OSError) -> InputError:
    """Turn an operating system error into one that names the file and the cause."""
    why = _WHY.get(error.errno or 0) or error.strerror or str(error)
    return InputError(path, why, transient=True)


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
        with path.open("rb", buffering=0) as stream:
            head = stream.read(len(_HDF5_SIGNATURE))
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
        if head != _HDF5_SIGNATURE:
            raise InputError(path, f"is not HDF5: it begins with {head.hex(' ')}")
        return name
    record = RECORD_BYTES[name.payload]
    if status.st_size < record:
        raise InputError(path, f"has {status.st_size} bytes, less than a record of {record}")
    if head[0] != CCSDS_P_FIELD and not _lost_its_begin(head, name):
        raise InputError(
            path, f"is not DEMETER N1: it begins with 0x{head[0]:02x}, a record with 0x4c"
        )
    return name


def _lost_its_begin(head: bytes, name: FileName) -> bool:
    """Whether a file's first record is zeros, or is followed by one of the half-orbit's."""
    identity = re.escape(struct.pack(">Hh", name.orbit & 0xFFFF, name.direction))
    header = re.compile(rb"%c.{21}%b" % (CCSDS_P_FIELD, identity), re.DOTALL)
    return not any(head[: RECORD_BYTES[name.payload]]) or header.search(head) is not None
