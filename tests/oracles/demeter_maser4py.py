"""Read DEMETER N1 spectra with maser4py 0.9.3, and write what it says to an .npz.

Run by the Python of an environment that has maser4py; imports nothing of this project.

    python demeter_maser4py.py OUT.npz FILE...     content, arrays named FILE_NUMBER/NAME
    python demeter_maser4py.py --time ROUNDS FILE  median seconds to read the file, and to read
                                                   it and take the mean power of the bands
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
import types
from pathlib import Path
from unittest.mock import MagicMock

# The package's own first file, and some of its modules, import libraries for CDF files and time
# zones, which N1 files do without.
_spec = importlib.util.find_spec("maser")
_package = types.ModuleType("maser")
_package.__path__ = list(_spec.submodule_search_locations)
sys.modules["maser"] = _package
for _name in ("spacepy", "spacepy.pycdf", "maser.utils.cdf", "maser.utils.cdf.cdf"):
    sys.modules[_name] = MagicMock()

import numpy as np  # noqa: E402
from maser.data.cdpp.demeter.ice import read_dmt_n1_1134  # noqa: E402

BANDS = (
    (40.0, 100.0), (100.0, 180.0), (220.0, 500.0), (500.0, 1200.0), (1200.0, 2100.0),
    (2300.0, 5000.0), (5000.0, 10_000.0), (10_000.0, 17_000.0),
)  # fmt: skip


def content(path: str) -> dict[str, np.ndarray]:
    """Time, position and spectra of each record; written for 1134, it reads all three kinds."""
    data = read_dmt_n1_1134(path)
    heads = data.header
    # The CCSDS day is wrong by 256 where its low byte is >= 0x80, so the calendar date.
    dates = [h["BLOCK_1"]["TIME_ORB_INFO"]["CALEND_DATE"] for h in heads]
    orbit = [h["BLOCK_2"]["ORB_PARAM"] for h in heads]
    block_4 = [h["BLOCK_4"] for h in heads]
    return {
        "calendar": np.array([list(d.values()) for d in dates]),
        "first": np.array([list(b["SP_CALEND_DATE"].values()) for b in block_4]),
        "latitude": np.array([o["GEOC_LAT"] for o in orbit]),
        "longitude": np.array([o["GEOC_LONG"] for o in orbit]),
        "altitude": np.array([o["ALTITUDE"] for o in orbit]),
        "nb": np.array([b["NB"] for b in block_4]),
        "nbf": np.array([b["NBF"] for b in block_4]),
        "duration": np.array([b["TOTAL_DUR"] for b in block_4]),
        "df": np.array([b["FREQ_RES"] for b in block_4]),
        "spectra": np.array([d["POWER"].ravel() for d in data.data]),
    }


def band_means(path: str) -> tuple[np.ndarray, ...]:
    """Calendar date, position and mean power of bands, as a user of maser4py takes them."""
    data = read_dmt_n1_1134(path)
    heads = data.header
    dates = [list(h["BLOCK_1"]["TIME_ORB_INFO"]["CALEND_DATE"].values()) for h in heads]
    place = [list(h["BLOCK_2"]["ORB_PARAM"].values()) for h in heads]
    frequency = heads[0]["BLOCK_4"]["FREQ_RES"] * np.arange(1, heads[0]["BLOCK_4"]["NBF"] + 1)
    power = 10.0 ** np.concatenate([d["POWER"] for d in data.data])
    inside = [(frequency >= low) & (frequency < high) for low, high in BANDS]
    means = np.stack([power[:, b].mean(axis=1) for b in inside])
    return np.array(dates), np.array(place), means


def main(arguments: list[str]) -> None:
    if arguments[0] == "--time":
        rounds, path = int(arguments[1]), arguments[2]
        for function in (read_dmt_n1_1134, band_means):
            seconds = []
            for _ in range(rounds + 1):
                start = time.perf_counter()
                function(path)
                seconds.append(time.perf_counter() - start)
            print(statistics.median(seconds[1:]))
        return
    out, *files = arguments
    np.savez(
        Path(out),
        **{f"{i}/{name}": a for i, f in enumerate(files) for name, a in content(f).items()},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
