"""Which places and times precede an earthquake, which are clear of any, which are neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.arrays import FloatArray, TimeArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.catalogue import Catalogue

POSITIVE, NEGATIVE, EXCLUDED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class LabelRule:
    """The definition of a sample.

    Attributes
    ----------
    lead_hours : float
        T: an event within this time after the window, and within R, makes it positive.
    clear_before_days, clear_after_days : float
        A negative window has no event within R from so long before it to T plus so long
        after it.
    """

    lead_hours: float
    clear_before_days: float
    clear_after_days: float

    @property
    def lead(self) -> np.timedelta64:
        """T."""
        return _milliseconds(self.lead_hours)

    @property
    def before(self) -> np.timedelta64:
        """Clear time before a negative window."""
        return _milliseconds(24.0 * self.clear_before_days)

    @property
    def horizon(self) -> np.timedelta64:
        """How far beyond a window the catalogue must reach."""
        return self.lead + _milliseconds(24.0 * self.clear_after_days)


def _milliseconds(hours: float) -> np.timedelta64:
    return np.timedelta64(round(hours * 3_600_000), "ms")


class Labeller:
    """Labels points in place and time by a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        Undeclustered, M >= 5.
    rule : LabelRule

    Notes
    -----
    R = 10^(0.43 M) km, Dobrovolsky et al., Pure Appl. Geophys. 117, 1025 (1979).
    """

    def __init__(self, catalogue: Catalogue, rule: LabelRule) -> None:
        self.catalogue = catalogue
        self.rule = rule
        self._unit = _unit_vectors(catalogue.latitude, catalogue.longitude)
        radius = 10.0 ** (0.43 * catalogue.magnitude) / EARTH_RADIUS_KM
        self._cosine = np.cos(np.minimum(radius, np.pi))

    @property
    def usable(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last time of which the catalogue says everything a label needs.

        The catalogue is taken to begin and end with its first and last event.
        """
        time = self.catalogue.time
        return time[0] + self.rule.before, time[-1] - self.rule.horizon

    def label(
        self, time: TimeArray, latitude: FloatArray, longitude: FloatArray
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        """Label the midpoints of windows.

        Parameters
        ----------
        time : ndarray of datetime64[ms], shape (N,)
            UTC, of one half-orbit.
        latitude, longitude : ndarray, shape (N,)
            Degrees; a point with NaN is excluded.

        Returns
        -------
        label : ndarray of int8, shape (N,)
            POSITIVE, NEGATIVE or EXCLUDED.
        event : ndarray of int64, shape (N,)
            For positives the strongest event's place in the catalogue, else -1.
        """
        label = np.full(time.size, NEGATIVE, dtype=np.int8)
        event = np.full(time.size, -1, dtype=np.int64)
        if not time.size:
            return label, event
        rule, quake = self.rule, self.catalogue.time
        first = int(np.searchsorted(quake, time.min() - rule.before, "left"))
        last = int(np.searchsorted(quake, time.max() + rule.horizon, "right"))
        if last > first:
            points = _unit_vectors(latitude, longitude)
            with np.errstate(invalid="ignore"):
                near = points @ self._unit[first:last].T >= self._cosine[first:last]
            ahead = quake[first:last][None, :] - time[:, None]
            touched = near & (ahead >= -rule.before) & (ahead <= rule.horizon)
            leading = near & (ahead > np.timedelta64(0, "ms")) & (ahead <= rule.lead)
            label[touched.any(axis=1)] = EXCLUDED
            positive = leading.any(axis=1)
            label[positive] = POSITIVE
            strength = np.where(leading, self.catalogue.magnitude[first:last], -np.inf)
            event[positive] = first + strength[positive].argmax(axis=1)
        begin, end = self.usable
        outside = (time < begin) | (time > end) | ~np.isfinite(latitude + longitude)
        label[outside] = EXCLUDED
        event[outside] = -1
        return label, event


def _unit_vectors(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
