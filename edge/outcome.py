"""One half-orbit from its files to results on disk: what `stream` does with each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__
from edge.errors import ConfigError
from edge.observables import PROFILES, Profile

if TYPE_CHECKING:
    from edge.readers.names import FileName
    from edge.results import Track
    from edge.scoring import Scorer


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read; unlike the error itself it goes from process to process."""

    path: Path
    message: str
    reason: str
    transient: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a half-orbit: its track, on disk where it was scored, and bad files."""

    track: Track
    failures: tuple[Failure, ...]


def score_to_disk(scorer: Scorer, out: Path, files: Mapping[Path, FileName]) -> Outcome:
    """Read and score one half-orbit, and write its results.

    Parameters
    ----------
    scorer : Scorer
    out : Path
        Folder of the results.
    files : mapping of Path to FileName
        All of the half-orbit.

    Returns
    -------
    Outcome

    Raises
    ------
    ConfigError
        The output folder cannot be written to.
    """
    half_orbit = scorer.read(files)
    track = scorer.score(half_orbit)
    if track.summary.status == "scored":
        _write(out, track)
    failures = (Failure(e.path, str(e), e.reason, e.transient) for e in half_orbit.errors)
    return Outcome(track, tuple(failures))


def profile_and_fingerprint(
    bundle: Path | None, night: str | None = None, minimum_coverage: float | None = None
) -> tuple[Profile, str]:
    """Profile of a bundle, and a hash of what a result depends on beside its files.

    Parameters
    ----------
    bundle : Path or None
        Its folder; None for the one that ships.
    night : str, optional
    minimum_coverage : float, optional
        Where they are not the card's.

    Returns
    -------
    profile : Profile
    fingerprint : str

    Raises
    ------
    BundleError
        There is no such bundle, or its card is not valid.
    """
    from edge.bundle import CARD_FILE, default_bundle_path, file_sha256, load_card

    path = bundle or default_bundle_path()
    card = load_card(path)
    parts = (file_sha256(path / CARD_FILE), night, minimum_coverage, __version__)
    return PROFILES[card.profile], fingerprint(*parts)


def fingerprint(*parts: object) -> str:
    """Hash of what a result depends on beside its files."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _write(out: Path, track: Track) -> None:
    from edge.outputs import write_track

    try:
        write_track(out, track)
    except OSError as error:
        raise ConfigError(
            f"output folder {out.name}: {error.strerror or error}; half-orbit "
            f"{track.summary.half_orbit} will be scored again"
        ) from None
