"""The same perturbations put into the bytes of an existing payload file.

Only the values of affected samples change, in place and in the file's own type: densities and
temperatures of LAP, PAP, ISL and IAP, the field of HPM, the stored spectra of EFD, SCM, ICE and
IMSC. Fill values, times, positions, housekeeping, potentials and waveforms stay as they are. A
file with a changed value says of itself that it holds simulated perturbations.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.errors import InputError
from edge.readers.cses import open_cses
from edge.readers.demeter import read_demeter
from edge.readers.halforbit import Track
from edge.readers.names import FileName
from trainer.simulate.inject_cses import change_cses
from trainer.simulate.inject_n1 import change_n1
from trainer.simulate.inject_steps import CHANGEABLE, Along, Scale
from trainer.simulate.orbits import Pass
from trainer.simulate.precursors import Injected


def inject_file(
    path: Path, name: FileName, along: Along, scale: Scale
) -> tuple[bytes | None, tuple[Injected, ...]]:
    """Make the bytes of a file with the perturbations in it.

    Parameters
    ----------
    path : Path
    name : FileName
        As sniffed.
    along : callable
        Gives the perturbation along a track.
    scale : Scale

    Returns
    -------
    content : bytes or None
        None where nothing is changed.
    injected : tuple of Injected
        What was put where.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    if name.payload not in CHANGEABLE:
        return None, ()
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from None
    if name.mission == "cses":
        with open_cses(path, name, ()) as opened:
            track = opened.track
        make = change_cses
    else:
        track = read_demeter(path, name, {}).track
        make = change_n1
    place = track_pass(name, track)
    if place is None:
        return None, ()
    change = along(place)
    if not change.injected:
        return None, ()
    content = make(path, name, raw, place, change, scale)
    return content, change.injected


def track_pass(name: FileName, track: Track) -> Pass | None:
    """Track of a file as the model takes it; missing places by straight lines."""
    good = np.flatnonzero(np.isfinite(track.latitude) & np.isfinite(track.longitude))
    if good.size < 2:
        return None
    ms = track.time.astype("datetime64[ms]").astype(np.float64)
    longitude = np.unwrap(track.longitude[good], period=360.0)
    return Pass(
        name.mission,
        name.orbit,
        name.direction,
        track.time.astype("datetime64[ms]"),
        np.interp(ms, ms[good], track.latitude[good]),
        (np.interp(ms, ms[good], longitude) + 180.0) % 360.0 - 180.0,
        np.nan_to_num(track.altitude),
    )
