"""Read CSES-01 files with csespy and write what it gives; run by a Python that has csespy.

    python cses_csespy.py OUT.npz FILE...       # values
    python cses_csespy.py --time FILE           # CPU seconds, for each line of standard input

Imports nothing of the project. A key of the .npz is ``<file name>/<csespy's name>``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from csespy.CSES01_core import CSES_load, CSES_load_PSD, HPM_load
from csespy.CSES_params import SPACECRAFT


def load(path: str):
    """Array of records that csespy makes of one file."""
    file = Path(path).resolve()
    folder, name = f"{file.parent}/", file.name
    if "_HPM_5_" in name:
        return HPM_load(name, path=folder)[0]
    return CSES_load(name, path=folder, CSX=SPACECRAFT["CSES01"])[0]


def load_spectra(path: str):
    """Dict of spectra that csespy makes of one file, or an empty one."""
    file = Path(path).resolve()
    folder, name = f"{file.parent}/", file.name
    if not ("_EFD_" in name or "_SCM_" in name):
        return {}
    return CSES_load_PSD(name, path=folder, CSX=SPACECRAFT["CSES01"])[0]["psd"]


def main() -> None:
    first, *files = sys.argv[1:]
    if first == "--time":
        for _ in sys.stdin:
            start = time.process_time()
            load(files[0])
            print(time.process_time() - start, flush=True)
        return
    out = {}
    for path in files:
        name = Path(path).name
        spectra = load_spectra(path)
        out |= {f"{name}/psd/{key}": np.asarray(values) for key, values in spectra.items()}
        # A file of spectra alone has no waveform for the other function.
        if spectra and not any(key.endswith("_W") for key in _datasets(path)):
            continue
        records = load(path)
        for key in records.dtype.names:
            if records[key].dtype.kind in "iuf":
                out[f"{name}/{key}"] = np.asarray(records[key])
    np.savez(first, **out)


def _datasets(path: str) -> list[str]:
    import h5py

    with h5py.File(path, "r") as file:
        return list(file)


if __name__ == "__main__":
    main()
