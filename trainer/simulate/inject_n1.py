"""Perturbations put into the records of a DEMETER N1 file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import AnyArray
from edge.readers.demeter_file import record_dtype
from edge.readers.demeter_records import record_times
from edge.readers.demeter_tables import LOG_POWER
from edge.readers.names import FileName
from edge.readers.rows import not_filled
from edge.readers.sniffing import CCSDS_P_FIELD
from trainer.simulate.inject_steps import (
    N1_MARK,
    N1_SPECTRA,
    SCALARS,
    Scale,
    add_step,
    band_steps,
    trusted_rows,
)
from trainer.simulate.orbits import Pass
from trainer.simulate.precursors import Perturbation


def change_n1(
    path: Path, name: FileName, raw: bytes, place: Pass, change: Perturbation, scale: Scale
) -> bytes | None:
    """Make the content of an N1 file with a perturbation; parameters as of `change_cses`.

    Changed records, and the first, get the mark of a simulated one in their housekeeping.
    """
    del path
    dtype = record_dtype(name.payload)
    content = bytearray(raw)
    records = np.frombuffer(content, dtype, count=len(raw) // dtype.itemsize)
    ms, _ = record_times(records, [])
    rows, at = trusted_rows(ms, place)
    touched = np.zeros(records.size, np.bool_)
    amplitude = change.amplitude[at]
    for field, observable in SCALARS.get(name.payload, {}).items():
        values = records[field][rows].astype(np.float64)
        with np.errstate(invalid="ignore"):
            good = not_filled(values) & (values > 0.0) & (amplitude != 0.0)
        step = (amplitude * scale.step(observable))[good]
        records[field][rows[good]] = add_step(values[good][:, None], step, observable)[:, 0]
        touched[rows[good]] = True
    if name.payload in N1_SPECTRA:
        for row in rows:
            touched[row] = _change_spectra(
                records[row : row + 1],
                int(ms[row]),
                place,
                change,
                N1_SPECTRA[name.payload],
                scale,
            )
    if not touched.any():
        return None
    # The reader looks at the first record that is none of lost bytes.
    touched[np.argmax(records["p_field"] == CCSDS_P_FIELD)] = True
    records["hk"][np.ix_(touched, np.arange(N1_MARK.size))] = N1_MARK
    return bytes(content)


def _change_spectra(
    record: AnyArray, ms: int, place: Pass, change: Perturbation, kind: str, scale: Scale
) -> bool:
    """Change the spectra of one record, log10 power; whether anything was."""
    nb, nbf = int(record["nb"][0]), int(record["nbf"][0])
    if nb < 1 or nbf < 1 or nb * nbf > record["spectra"].shape[1]:
        return False
    times = ms + np.arange(nb) * (1000.0 * float(record["total_duration"][0]) / nb)
    known = place.time.astype(np.int64).astype(np.float64)
    amplitude = np.interp(times, known, change.amplitude)
    if not amplitude.any():
        return False
    frequency = (np.arange(nbf) + 1.0) * float(record["df"][0])
    steps = band_steps(amplitude, kind, frequency, scale)
    values = record["spectra"][0, : nb * nbf].astype(np.float64).reshape(nb, nbf)
    good = np.isfinite(values) & (np.abs(values) <= LOG_POWER[1]) & (steps != 0.0)
    record["spectra"][0, : nb * nbf] = np.where(good, values + steps, values).reshape(-1)
    return bool(good.any())
