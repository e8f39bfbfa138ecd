"""From paths to a half-orbit: sniff, choose the reader, put the payloads together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from edge.errors import InputError
from edge.observables import Request
from edge.readers.halforbit import HalfOrbit, Payload
from edge.readers.joining import join_payloads
from edge.readers.names import FileName
from edge.readers.sniffing import sniff


def read_payload(path: Path | str, channels: Request | None = None) -> Payload:
    """Read one payload file.

    Parameters
    ----------
    path : Path or str
    channels : dict of str to tuple of bands, optional
        Channels to read, with the bands of those that are spectra; all by default.

    Returns
    -------
    Payload

    Raises
    ------
    InputError
        The file cannot be used; the message says why.
    """
    path = Path(path)
    name = sniff(path)
    if name.mission == "cses":
        from edge.readers.cses import read_cses

        return read_cses(path, name, channels)
    from edge.readers.demeter import read_demeter

    return read_demeter(path, name, channels)


def read_half_orbit(
    files: Mapping[Path, FileName], channels: Mapping[str, Request] | None = None
) -> HalfOrbit:
    """Read the files of one half-orbit; a file that fails is named, its siblings are read.

    Parameters
    ----------
    files : mapping of Path to FileName
        All of one half-orbit, with what `parse_name` says of them. Files of one payload that
        follow each other are joined in time (`joining`).
    channels : mapping of str to dict, optional
        For each payload the channels to read; a payload that is not named is left
        unread. Everything by default.

    Returns
    -------
    HalfOrbit

    Raises
    ------
    ValueError
        The files are of more than one half-orbit, or there is none.
    """
    keys = {name.half_orbit for name in files.values()}
    if len(keys) != 1:
        raise ValueError(f"files of one half-orbit expected, got {sorted(keys)}")
    found: dict[str, list[Payload]] = {}
    errors: dict[str, list[InputError]] = {}
    for path in sorted(files, key=lambda p: (p.name, p)):
        kind = files[path].payload
        if channels is not None and kind not in channels:
            continue
        try:
            payload = read_payload(path, None if channels is None else channels[kind])
            found.setdefault(kind, []).append(payload)
        except InputError as error:
            errors.setdefault(kind, []).append(error)
    payloads = {kind: join_payloads(several) for kind, several in found.items()}
    first = next(iter(files.values()))
    return HalfOrbit(
        key=keys.pop(),
        mission=first.mission,
        orbit=first.orbit,
        direction=first.direction,
        payloads=payloads,
        failed={kind: several[0] for kind, several in errors.items() if kind not in payloads},
        errors=tuple(error for several in errors.values() for error in several),
    )


def open_half_orbit(paths: Iterable[Path | str] | Path | str) -> HalfOrbit:
    """Open the payload files of one half-orbit, with every channel that they hold.

    Parameters
    ----------
    paths : path or iterable of paths

    Returns
    -------
    HalfOrbit

    Raises
    ------
    InputError
        A file cannot be used, or the files are of different half-orbits.
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    files = {Path(path): sniff(path) for path in several}
    if not files:
        raise InputError("open_half_orbit", "no file given")
    keys = sorted({name.half_orbit for name in files.values()})
    if len(keys) > 1:
        raise InputError(next(iter(files)), f"files of {len(keys)} half-orbits: {', '.join(keys)}")
    half_orbit = read_half_orbit(files)
    for error in half_orbit.errors:
        raise error
    return half_orbit
