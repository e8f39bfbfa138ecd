"""Reading one half-orbit of VLF spectra: header fields and the power of eight bands."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from timing import in_turn, rows

from edge.observables import ELF_BANDS, VLF_BANDS
from edge.readers import read_payload
from edge.readers.bands import band_bins
from edge.readers.demeter_file import record_dtype

TITLE = "Reading one DEMETER half-orbit of spectra (1132, 500 records, 4.3 MB)"
NOTE = (
    "Time, position and the mean power of eight bands. The floor reads the bytes and decodes "
    "nothing. The plain way maps the records and takes means in numpy, with neither checks nor "
    "masks. maser4py 0.9.3 runs in the Python that SEQNETQUAKE_MASER_PYTHON names and is timed "
    "within that process (median of 9)."
)
N = 500
BANDS = ELF_BANDS + VLF_BANDS
ORACLE = Path(__file__).parent.parent / "oracles" / "demeter_maser4py.py"


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = _write(Path(folder))
        dtype = record_dtype("1132")
        frequency = 19.53125 * np.arange(1, 1025)
        bins = [band_bins(frequency, band) for band in BANDS]

        def plain() -> object:
            records = np.memmap(path, dtype=dtype, mode="r")
            head = [records[name].astype(np.float64) for name in ("ccsds_ms", "lat", "lon", "alt")]
            power = 10.0 ** records["spectra"].astype(np.float64).reshape(-1, 1024)
            return head, [power[:, inside].mean(axis=1) for inside in bins]

        ours = "ours: time, position, 8 bands"
        medians = in_turn(
            {
                "np.fromfile alone (floor)": lambda: np.fromfile(path, dtype=dtype),
                ours: lambda: read_payload(path, {"spectra": BANDS}),
            },
            rounds=41,
        )
        # Its 30 MB of intermediate arrays would push the others out of the cache.
        medians |= in_turn({"np.memmap and numpy, plain": plain})
        python = os.environ.get("SEQNETQUAKE_MASER_PYTHON")
        names = ("maser4py 0.9.3: the file", "maser4py 0.9.3: the file, 8 bands in numpy")
        if python:
            command = [python, str(ORACLE), "--time", "9", str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            medians |= dict(zip(names, map(float, done.stdout.split()), strict=True))
        table = rows(medians, ours)
        if not python:
            table += [{"what": n, "median ms": "not installed here", "ratio": ""} for n in names]
        return table


def _write(folder: Path) -> Path:
    """Write spectra of random numbers under a valid header."""
    records = np.zeros(N, record_dtype("1132"))
    time = np.datetime64("2006-08-09T21:00:00", "ms") + 4096 * np.arange(N)
    since = (time - np.datetime64("1950-01-01", "ms")).astype(np.int64)
    day = since // 86_400_000
    records["p_field"] = 76
    records["ccsds_day"] = np.stack([day >> 16, day >> 8 & 255, day & 255], axis=-1)
    records["ccsds_ms"] = since % 86_400_000
    moments = [(*t.timetuple()[:6], t.microsecond // 1000) for t in time.astype(object)]
    records["ut"] = records["ut_first"] = moments
    records["orbit"], records["suborbit"], records["station"] = 11234, 1, b"TOULOUSE"
    records["lat"] = np.linspace(-60.0, 60.0, N)
    records["lon"], records["alt"] = 20.0, 660.0
    records["type"], records["coord"] = b"VLF ELECTRIC SPECTRUM", b"Sensor   "
    records["comp"], records["unit"] = b"E12", b"log(\xb5V^2/m^2/Hz)"
    records["nb"], records["nbf"], records["total_duration"] = 2, 1024, 4.096
    records["df"], records["f_range"] = 19.53125, (19.53125, 20_000.0)
    records["spectra"] = np.random.default_rng(1).normal(1.0, 1.5, (N, 2048))
    path = folder / "DMT_N1_1132_112341_20060809_210000_20060809_213500.DAT"
    records.tofile(path)
    return path
