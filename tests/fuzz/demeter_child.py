"""Feeds the DEMETER reader records that coverage guides, until libFuzzer ends the process."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import traceback
import warnings
from importlib import import_module
from pathlib import Path

import atheris
import numpy as np
from checks import check_payload
from findings import Findings, signature

with atheris.instrument_imports(include=["edge.readers"]):
    # `read_payload` imports it at the first call, which is too late.
    import_module("edge.readers.demeter")
    from edge.readers import read_payload
    from edge.readers.demeter_file import record_dtype
    from edge.readers.demeter_tables import APIDS

from edge.errors import EdgeError

MOST_MIB = 256
LONGEST_S = 10
# The tracing of comparisons keeps every array that they give, so the whole process may have
# more; what one input adds is held against MOST_MIB.
_MOST_PROCESS_MIB = 6144
_KINDS = sorted(APIDS)
_NAME = "DMT_N1_{}_112341_20060809_205900_20060809_213500.DAT"
_DAY_1950 = int(
    np.datetime64("2006-08-09", "D").astype(int) - np.datetime64("1950-01-01", "D").astype(int)
)
_START_MS = 21 * 3_600_000


def valid_records(apid: str, rows: int) -> np.ndarray:
    """Records that the reader takes, in the layout of its own tables.

    Parameters
    ----------
    apid : str
    rows : int

    Returns
    -------
    ndarray of the record's dtype, shape (rows,)
    """
    layout = record_dtype(apid)
    records = np.zeros(rows, layout)
    kind = APIDS[apid]
    milliseconds = _START_MS + (1000 * kind.cadence * np.arange(rows)).astype(np.int64)
    seconds, ms = np.divmod(milliseconds, 1000)
    records["p_field"] = 0x4C
    records["ccsds_day"] = list(_DAY_1950.to_bytes(3, "big"))
    records["ccsds_ms"] = milliseconds
    for k, part in enumerate((2006, 8, 9, seconds // 3600, seconds // 60 % 60, seconds % 60, ms)):
        records["ut"][:, k] = part
    values: dict[str, object] = {
        "orbit": 11234, "suborbit": 1, "station": b"TOULOUSE", "type": kind.kind.encode(),
        "lat": -20.0 + 0.06 * seconds % 60, "lon": 30.0, "alt": 660.0, "att_quality": 1,
        # What block 4 says of its own arrays.
        "nb": 8, "nbf": 256, "nbs": 2, "nbclasses": 4, "dt": 0.1, "fs": 2500.0,
        "total_duration": kind.cadence, "df": kind.highest / 256,
        "nsamp": max(count for _, form, count in kind.block_4 if form == "f32"),
    }  # fmt: skip
    for name in layout.names or ():
        if name in values:
            records[name] = values[name]
        elif layout[name].base.kind == "f":
            # Within every range, that of logarithms too.
            records[name] = 1.5
    return records


def file_name(apid: str) -> str:
    """Name of a file that agrees with `valid_records`."""
    return _NAME.format(apid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    findings = Findings(arguments.findings)
    temporary = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    folder = Path(temporary.name)

    def look(path: Path, content: bytes, valid: bool = False) -> None:
        path.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            check_payload(read_payload(path))
        except EdgeError as error:
            if valid or not str(error).isprintable():
                findings.add("refusal", path.name, path.name, content, str(error))
        except Exception as error:
            story = traceback.format_exc()
            findings.add("error", signature(error), path.name, content, story)
        mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        if mib > MOST_MIB:
            findings.add("memory", path.name, path.name, content, f"{mib} MiB")

    for index, apid in enumerate(_KINDS):
        content = valid_records(apid, 3).tobytes()
        (arguments.corpus / apid).write_bytes(bytes([index]) + content)
        look(folder / file_name(apid), content, valid=True)

    def one_input(data: bytes) -> None:
        if len(data) < 2:
            return
        apid = _KINDS[data[0] % len(_KINDS)]
        size = record_dtype(apid).itemsize
        # Mostly whole records, or the search is for where they begin.
        whole = (len(data) - 1) // size * size
        look(folder / file_name(apid), data[1:] if data[0] >= 240 else data[1 : 1 + whole])

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={arguments.seconds}",
            f"-max_len={1 + 3 * max(record_dtype(apid).itemsize for apid in _KINDS)}",
            f"-timeout={LONGEST_S}",
            f"-rss_limit_mb={_MOST_PROCESS_MIB}",
            f"-artifact_prefix={arguments.findings}{os.sep}",
            f"-seed={arguments.seed}",
            "-len_control=0",
            "-print_final_stats=1",
            str(arguments.corpus),
        ],
        one_input,
    )
    atheris.Fuzz()


main()
