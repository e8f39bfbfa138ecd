"""Reads payload files while system calls fail under it; run with the preloaded library.

Takes a JSON list of paths as its argument, and prints a line of JSON for each read: path,
call, errno, first failing call, calls that failed, and what became of the read.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
import warnings

from edge.errors import InputError
from edge.readers import read_payload

STATION = ("EIO", "EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOLCK", "ESTALE", "ETIMEDOUT")
EVERY = 1_000_000
library = ctypes.CDLL(None)


def attempt(path: str, call: str, name: str, first: int, times: int) -> int:
    os.environ |= {
        "INJECT_PATH": os.path.basename(path),  # noqa: PTH119
        "INJECT_CALL": call,
        "INJECT_ERRNO": str(getattr(errno, name)),
        "INJECT_FROM": str(first),
        "INJECT_TIMES": str(times),
    }
    library.inject_reset()
    said, transient, values = "", False, 0.0
    try:
        payload = read_payload(path)
        values = sum(float(c.values[c.valid].sum()) for c in payload.channels.values())
    except InputError as error:
        said, transient = str(error), error.transient
    failed = library.inject_reset()
    print(json.dumps([path, call, name, first, failed, said, transient, values]))
    return failed


def main() -> None:
    warnings.simplefilter("error")
    for path in json.loads(sys.argv[1]):
        attempt(path, "open", "EIO", 0, 0)
        for name in STATION:
            for call in ("open", "read", "fstat"):
                attempt(path, call, name, 0, EVERY)
        # One call fails, each in turn: nowhere may it pass for damage, or for a missing value.
        for call in ("open", "read", "fstat"):
            first = 0
            while attempt(path, call, "EIO", first, 1):
                first += 1
        attempt(path, "read", "EINTR", 2, 1)


main()
