"""Reads the files that its parent names, one a line, and says what came of each.

A process of its own: an input may end it or hang it.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import sys
import traceback
import warnings
from pathlib import Path

from checks import check_payload
from findings import signature

from edge.errors import EdgeError
from edge.readers import read_payload

_ADDRESS_SPACE = 6 << 30


def main() -> None:
    # A hang is ended with SIGABRT, and this shows where it was.
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        before = _reset_peak()
        answer = {"outcome": "read", "where": "", "text": ""}
        try:
            check_payload(read_payload(path))
        except EdgeError as error:
            answer |= {"outcome": "refused", "where": str(error)}
            if not str(error).isprintable():
                answer |= {"outcome": "error", "where": "message is not one printable line"}
        except Exception as error:
            answer |= {"outcome": "error", "where": signature(error)}
            answer["text"] = traceback.format_exc()
        answer["peak_kib"] = str(_peak() - before)
        print(json.dumps(answer), flush=True)


def _reset_peak() -> int:
    """Forget the highest memory so far and give what is used now, in KiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _peak()


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


main()
