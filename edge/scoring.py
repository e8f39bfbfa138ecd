"""Windows to scores, verdicts and alarms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from edge import __version__
from edge.arrays import Features, FloatArray, IntArray, TimeArray
from edge.bundle import Bundle, load_arrays, models_path
from edge.climatology import Climatology
from edge.errors import BundleError
from edge.geodesy import local_time
from edge.geomagnetic import geomagnetic_activity
from edge.grid import Grid, make_grid
from edge.inbox import group_by_half_orbit
from edge.night import NightRule, night_rows
from edge.readers.halforbit import HalfOrbit, untrained_note
from edge.readers.names import FileName, looks_like_payload, parse_name
from edge.readers.opening import read_half_orbit
from edge.results import Alarm, Failure, HalfOrbitResult, ScoredHalfOrbit, Verdict, WindowScore
from edge.runtime import Model, RuntimeName
from edge.windows import cut_windows, window_starts

__all__ = ["Alarm", "HalfOrbitResult", "ScoredHalfOrbit", "Scorer", "WindowScore", "sigmoid"]


class Scorer:
    """Scores half-orbits with one bundle; the interpreter is built once.

    Parameters
    ----------
    bundle : Bundle
    night : {"dark", "paper"}, optional
        The card's rule by default.
    minimum_coverage : float, optional
        The card's by default.
    runtime : {"auto", "tflite", "litert"}, optional
    threads : int, optional
    kp_at : callable, optional
        Gives Kp of times, as `edge.geomagnetic.KpFile.kp_at` does; results are ``unknown``
        without it. No score depends on it.

    Raises
    ------
    BundleError
        The model does not give the golden windows their scores.
    """

    def __init__(
        self,
        bundle: Bundle,
        night: NightRule | None = None,
        minimum_coverage: float | None = None,
        runtime: RuntimeName = "auto",
        threads: int = 1,
        kp_at: Callable[[TimeArray], FloatArray] | None = None,
    ) -> None:
        card = bundle.card
        self.bundle = bundle
        self.night: NightRule = night or card.night
        self.minimum_coverage = (
            card.minimum_coverage if minimum_coverage is None else minimum_coverage
        )
        self.climatology = Climatology.load(bundle.climatology_path)
        self._model = Model(bundle.model_path, runtime, threads)
        self._kp_at = kp_at
        self._columns = 2 * len(bundle.profile.observables)
        if self._model.window_shape != (card.length, self._columns):
            raise BundleError(
                f"bundle {bundle.path.name}: the model takes windows {self._model.window_shape}, "
                f"the card says {(card.length, self._columns)}"
            )
        self._trained_on = "simulated" if card.simulated else "real"
        self.check_golden()

    def read(self, files: Mapping[Path, FileName]) -> HalfOrbit:
        """Read of one half-orbit's files what the profile needs, and nothing else.

        Parameters
        ----------
        files : mapping of Path to FileName

        Returns
        -------
        HalfOrbit
        """
        mission = next(iter(files.values())).mission
        return read_half_orbit(files, self.bundle.profile.payloads(mission))

    def score(self, half_orbit: HalfOrbit) -> ScoredHalfOrbit:
        """Score a half-orbit that was read.

        Parameters
        ----------
        half_orbit : HalfOrbit

        Returns
        -------
        ScoredHalfOrbit
        """
        windows: list[WindowScore] = []
        alarms: list[Alarm] = []
        grid = None
        if half_orbit.payloads:
            grid = make_grid(half_orbit, self.bundle.profile)
            windows = self.score_grid(half_orbit, grid)
            alarms = self._alarms(windows)
        return ScoredHalfOrbit(
            summary=self._summary(half_orbit, grid, windows, alarms),
            windows=windows,
            alarms=alarms,
            failures=[Failure.of(error) for error in half_orbit.errors],
        )

    def probabilities(self, inputs: Features) -> FloatArray:
        """Calibrated probability of the positive class.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n, L, C)

        Returns
        -------
        ndarray, shape (n,)
        """
        card = self.bundle.card
        return sigmoid(card.slope * self._model.logits(inputs) + card.intercept)

    def score_grid(
        self, half_orbit: HalfOrbit, grid: Grid, minimum_coverage: float | None = None
    ) -> list[WindowScore]:
        """Score the windows of a half-orbit that is on the grid.

        Parameters
        ----------
        half_orbit : HalfOrbit
        grid : Grid
            Of this half-orbit; masked where one wants to see what is left.
        minimum_coverage : float, optional
            The scorer's by default.

        Returns
        -------
        list of WindowScore
        """
        enough_is = self.minimum_coverage if minimum_coverage is None else minimum_coverage
        card, profile = self.bundle.card, self.bundle.profile
        night = night_rows(grid, half_orbit.night_side, self.night)
        features = self.climatology.features(grid, profile, half_orbit.mission, card.clip)
        first = window_starts(night, card.length)
        inputs = cut_windows(features, first, card.length)
        valid = inputs[:, :, self._columns // 2 :].sum(axis=(1, 2), dtype=np.float64)
        coverage = valid / (card.length * sum(profile.available(half_orbit.mission)))
        enough = (coverage >= enough_is) & (valid > 0)
        score = np.full(first.size, np.nan)
        score[enough] = self.probabilities(inputs[enough])
        return self._window_scores(half_orbit, grid, first + card.length // 2, coverage, score)

    def _window_scores(
        self,
        half_orbit: HalfOrbit,
        grid: Grid,
        row: IntArray,
        coverage: FloatArray,
        score: FloatArray,
    ) -> list[WindowScore]:
        time, latitude, longitude = grid.time[row], grid.latitude[row], grid.longitude[row]
        hours = local_time(time, longitude)
        kp = np.full(time.size, np.nan) if self._kp_at is None else self._kp_at(time)
        failed = sorted(half_orbit.failed)
        threshold = self.bundle.card.threshold
        # Lists of Python's numbers: an element of an array is an object of its own at each look.
        columns = [c.tolist() for c in (latitude, longitude, hours, coverage, score, kp)]
        result = []
        for stamp, lat, lon, hour, share, probability, index in zip(
            _stamps(time), *columns, strict=True
        ):
            # Rounded before it is judged, so that what is printed explains the verdict.
            value = None if math.isnan(probability) else round(probability, 6)
            verdict: Verdict = "insufficient"
            if value is not None:
                verdict = "alarm" if value >= threshold else "quiet"
            # In thirds, with three decimals as GFZ writes them.
            known_kp = None if math.isnan(index) else round(index, 3)
            result.append(
                WindowScore(
                    half_orbit=half_orbit.key,
                    time=stamp,
                    latitude=round(lat, 4),
                    longitude=round(lon, 4),
                    local_time=round(hour, 3),
                    coverage=round(share, 4),
                    score=value,
                    verdict=verdict,
                    geomagnetic=geomagnetic_activity(known_kp),
                    trained_on=self._trained_on,
                    failed=failed,
                    kp=known_kp,
                )
            )
        return result

    def _alarms(self, windows: list[WindowScore]) -> list[Alarm]:
        """Join consecutive windows over the threshold."""
        rule = self.bundle.card.alarm
        step = np.timedelta64(self.bundle.card.grid_step_s, "s")
        runs: list[list[WindowScore]] = []
        previous: WindowScore | None = None
        for window in windows:
            if window.verdict == "alarm":
                joins = (
                    previous is not None
                    and previous.verdict == "alarm"
                    and _time(window.time) - _time(previous.time) <= step
                )
                if joins:
                    runs[-1].append(window)
                else:
                    runs.append([window])
            previous = window
        alarms = []
        for run in runs:
            peak = max(run, key=lambda w: w.score or 0.0)
            until = _time(peak.time) + np.timedelta64(round(rule.duration_h * 3600), "s")
            alarms.append(
                Alarm(
                    half_orbit=peak.half_orbit,
                    start=run[0].time,
                    end=run[-1].time,
                    time=peak.time,
                    latitude=peak.latitude,
                    longitude=peak.longitude,
                    peak=peak.score or 0.0,
                    windows=len(run),
                    radius_km=rule.radius_km,
                    valid_until=_stamps(np.array([until]))[0],
                    trained_on=self._trained_on,
                    geomagnetic=peak.geomagnetic,
                    kp=peak.kp,
                )
            )
        return alarms

    def _summary(
        self,
        half_orbit: HalfOrbit,
        grid: Grid | None,
        windows: list[WindowScore],
        alarms: list[Alarm],
    ) -> HalfOrbitResult:
        ends = (None, None) if grid is None else tuple(_stamps(grid.time[[0, -1]]))
        return HalfOrbitResult(
            half_orbit=half_orbit.key,
            mission=half_orbit.mission,
            status="failed" if grid is None else "scored",
            side="night" if half_orbit.night_side else "day",
            start=ends[0],
            end=ends[1],
            payloads=sorted(half_orbit.payloads),
            failed={p: str(e) for p, e in sorted(half_orbit.failed.items())},
            notes=self._notes(half_orbit, windows),
            night=self.night,
            minimum_coverage=self.minimum_coverage,
            threshold=self.bundle.card.threshold,
            windows=len(windows),
            insufficient=sum(w.verdict == "insufficient" for w in windows),
            alarms=len(alarms),
            bundle=self.bundle.card.name,
            trained_on=self._trained_on,
            code_version=__version__,
            runtime=self._model.runtime,
        )

    def _notes(self, half_orbit: HalfOrbit, windows: list[WindowScore]) -> list[str]:
        notes = [f"{p}: {n}" for p, c in sorted(half_orbit.payloads.items()) for n in c.notes]
        trained = {m.mission for m in self.bundle.card.training.missions}
        untrained = untrained_note(half_orbit, trained)
        if untrained is not None:
            notes.append(untrained)
        unknown = sum(w.kp is None for w in windows)
        if self._kp_at is not None and unknown:
            notes.append(f"Kp is not known for {unknown} of {len(windows)} windows")
        return notes

    def check(self) -> None:
        """Score what is known: the golden windows, and a half-orbit that ships with the package.

        Raises
        ------
        Exception
            Of any kind: this computer cannot score, whatever the half-orbit.
        """
        self.check_golden()
        for files in sample_half_orbits().values():
            for failure in self.score(self.read(files)).failures:
                raise BundleError(failure.message)

    def check_golden(self) -> None:
        """Hold the scores of the golden windows against the card.

        Raises
        ------
        BundleError
            They differ by more than the card's tolerance.
        """
        golden = self.bundle.card.golden
        arrays = load_arrays(self.bundle.golden_path)
        inputs, expected = arrays.get("inputs"), arrays.get("scores")
        shape = (golden.windows, *self._model.window_shape)
        if inputs is None or expected is None or inputs.shape != shape:
            raise BundleError(f"{golden.file}: golden windows {shape} and their scores expected")
        worst = float(np.max(np.abs(self.probabilities(inputs) - expected)))
        if not worst <= golden.tolerance:
            raise BundleError(
                f"bundle {self.bundle.path.name}: this runtime is off by {worst:.4f} on the "
                f"golden windows; valid is up to {golden.tolerance:.4f}"
            )


def sample_half_orbits() -> dict[str, dict[Path, FileName]]:
    """Find the half-orbits that ship with the package, by their keys."""
    found = sorted(p for p in (models_path() / "samples").glob("*.*") if looks_like_payload(p.name))
    return group_by_half_orbit((path, parse_name(path)) for path in found)


def sigmoid(logit: FloatArray) -> FloatArray:
    """Logistic function, safe for large arguments."""
    result: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * logit))
    return result


def _time(stamp: str) -> np.datetime64:
    return np.datetime64(stamp.removesuffix("Z"), "ms")


def _stamps(time: TimeArray) -> list[str]:
    return [f"{t}Z" for t in np.datetime_as_string(time.astype("datetime64[ms]"), unit="ms")]
