"""Scores from Python: files in, one table of windows out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import msgspec

from edge.bundle import load_bundle
from edge.config import load_settings
from edge.errors import ConfigError
from edge.geomagnetic import KpFile
from edge.inbox import group_by_half_orbit, unused_payload
from edge.night import NightRule
from edge.readers.names import parse_name
from edge.results import Alarm, Failure, ScoredHalfOrbit, WindowScore
from edge.scoring import Scorer
from edge.show.report import summary_line, training_line

if TYPE_CHECKING:
    import pandas

_SHOWN = 5


class ScoreTable(Sequence[dict[str, Any]]):
    """Scored windows, a row each, in order of half-orbit and time.

    Parameters
    ----------
    failures : list of Failure
        Of every file that could not be used.

    Attributes
    ----------
    columns : tuple of str
        Keys of each row; see `edge.results.WindowScore` for their meaning and units.

    Notes
    -----
    A sequence of dictionaries, which pandas, polars and `csv.DictWriter` take as it is.
    """

    columns = WindowScore.__struct_fields__

    def __init__(self, half_orbits: list[ScoredHalfOrbit], failures: list[Failure]) -> None:
        self.half_orbits, self.failures = half_orbits, failures
        self._windows = [w for h in half_orbits for w in h.windows]

    @property
    def alarms(self) -> list[Alarm]:
        """Alarms of all half-orbits."""
        return [alarm for h in self.half_orbits for alarm in h.alarms]

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Give one row, or those of a slice."""
        if isinstance(index, slice):
            return [msgspec.structs.asdict(w) for w in self._windows[index]]
        return msgspec.structs.asdict(self._windows[index])

    def __len__(self) -> int:
        """Count the windows."""
        return len(self._windows)

    def to_pandas(self) -> pandas.DataFrame:
        """Give the windows as a DataFrame, `time` as UTC and `score` NaN where there is none.

        Returns
        -------
        pandas.DataFrame
            Its ``attrs["trained_on"]`` says whether the model was trained on simulation.

        Raises
        ------
        ConfigError
            pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ConfigError("pandas is not installed, and needed for to_pandas") from None
        frame = pandas.DataFrame(self[:], columns=list(self.columns))
        frame["time"] = pandas.to_datetime(frame["time"], utc=True)
        # A column of None alone would be one of objects.
        frame = frame.astype({"score": float, "kp": float})
        frame.attrs["trained_on"] = ", ".join(sorted(self._trained_on()))
        return frame

    def _trained_on(self) -> set[str]:
        return {h.summary.trained_on for h in self.half_orbits}

    def __repr__(self) -> str:
        """Say in a few lines what was scored, what failed and what the scores are worth."""
        lines = [f"<ScoreTable: {len(self)} windows of {len(self.half_orbits)} half-orbits>"]
        lines += [summary_line(h.summary) for h in self.half_orbits[:_SHOWN]]
        if len(self.half_orbits) > _SHOWN:
            lines.append(f"... and {len(self.half_orbits) - _SHOWN} more half-orbits")
        lines += [f"failed: {f.message}" for f in self.failures[:_SHOWN]]
        if len(self.failures) > _SHOWN:
            lines.append(f"... and {len(self.failures) - _SHOWN} more files failed")
        return "\n".join([*lines, *map(training_line, sorted(self._trained_on()))])


def score(
    paths: Path | str | Iterable[Path | str],
    *,
    bundle: Path | str | None = None,
    night: NightRule | None = None,
    min_coverage: float | None = None,
    kp: Path | str | None = None,
) -> ScoreTable:
    """Score payload files as ``edge-score score`` does; those of one half-orbit together.

    Parameters
    ----------
    paths : path, or iterable of paths
        Payload files of any number of half-orbits, in any order.
    bundle : path, optional
        Folder of the model bundle; the shipped one by default, which was trained on simulated
        missions: its scores say nothing of real earthquakes.
    night : {"dark", "paper"}, optional
        The card's rule by default.
    min_coverage : float, optional
        0 to 1; the card's by default. Windows below it have the verdict ``insufficient`` and
        no score.
    kp : path, optional
        GFZ's file of Kp. Where it cannot be used, activity is ``unknown`` and a warning says
        why.

    Returns
    -------
    ScoreTable
        A file that could not be used is in its `failures`, and its half-orbit is scored without
        it: look there before you call a night quiet.

    Raises
    ------
    InputError
        A name is not that of a payload file.
    BundleError
        The bundle is not valid, or this computer does not give its golden windows their scores.
    ConfigError
        No interpreter is installed, or a value is out of range.

    Examples
    --------
    >>> import edge
    >>> table = edge.score(["CSES_01_LAP_1_L02_....h5", "CSES_01_HPM_5_L02_....h5"])
    >>> max(row["score"] or 0.0 for row in table)
    >>> table.to_pandas().groupby("half_orbit").score.max()
    """
    settings = load_settings(None, {}, {"night": night, "min_coverage": min_coverage})
    given = [paths] if isinstance(paths, Path | str) else paths
    groups = group_by_half_orbit((path, parse_name(path)) for path in map(Path, given))
    kp_at = None
    if kp is not None:
        kp_at = KpFile(Path(kp), lambda message: warnings.warn(message, stacklevel=2)).kp_at
    chosen = load_bundle(Path(bundle) if bundle else None)
    scorer = Scorer(chosen, settings.night, settings.min_coverage, kp_at=kp_at)
    half_orbits, failures = [], []
    for files in groups.values():
        # The reader leaves such files unread; here they were asked for.
        for path, name in files.items():
            if error := unused_payload(path, name, scorer.bundle.profile):
                failures.append(Failure.of(error))
        scored = scorer.score(scorer.read(files))
        half_orbits.append(scored)
        failures += scored.failures
    return ScoreTable(half_orbits, failures)
