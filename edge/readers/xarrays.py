"""Half-orbits as xarray datasets, for work in notebooks; needs the extra ``report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.arrays import FloatArray
from edge.errors import ConfigError
from edge.readers.halforbit import Channel, HalfOrbit, Payload, Track
from edge.readers.longnames import long_name

if TYPE_CHECKING:
    import xarray

# More columns than this are samples of a waveform, not components of a vector.
_MAX_COMPONENTS = 9
_WAVEFORM_UNITS = ("mV/m", "uV/m", "V", "nT")


def half_orbit_datasets(half_orbit: HalfOrbit) -> dict[str, xarray.Dataset]:
    """Give every payload of a half-orbit as a dataset.

    Parameters
    ----------
    half_orbit : HalfOrbit

    Returns
    -------
    dict of str to xarray.Dataset
        Keyed by payload. Payloads keep times of their own: nothing is interpolated.

    Raises
    ------
    ConfigError
        xarray is not installed.
    """
    return {name: payload_dataset(payload) for name, payload in half_orbit.payloads.items()}


def payload_dataset(payload: Payload) -> xarray.Dataset:
    """Give one payload as a dataset.

    Parameters
    ----------
    payload : Payload

    Returns
    -------
    xarray.Dataset
        A variable for each channel, NaN where a value is not valid, over ``time`` (UTC,
        datetime64[ns]) with coordinates ``latitude``, ``longitude`` and ``altitude``.
        Channels with another number of rows have a time of their own, ``time_<channel>``,
        with coordinates named likewise. Second dimensions are ``frequency`` (with its
        values in Hz), ``component`` (vectors), ``bin`` (spectra without frequencies) and
        ``sample`` (waveforms); one that is taken by another length or other
        frequencies is followed by ``_<channel>``.

    Raises
    ------
    ConfigError
        xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise ConfigError(
            "xarray is not installed: to_xarray needs the extra 'report' of seqnetquake-edge"
        ) from None
    dataset = xarray.Dataset(attrs=_attributes(payload))
    times: dict[str, Track] = {}
    columns: dict[str, tuple[int, FloatArray | None]] = {}
    for channel in payload.channels.values():
        if not times:
            _add_track(dataset, times, "", payload.track)
        time = next((d for d, t in times.items() if _same(t, channel.track)), "")
        time = time or _add_track(dataset, times, f"_{channel.name}", channel.track)
        dimensions = [time]
        if channel.values.ndim == 2:
            dimensions.append(_column_dimension(dataset, columns, channel))
        values = np.where(channel.valid, channel.values, np.nan)
        attributes = {"units": "1" if channel.unit in ("none", "-") else channel.unit}
        if text := long_name(channel.payload, channel.name):
            attributes["long_name"] = text
        dataset[channel.name] = (dimensions, values, attributes)
    return dataset


def _attributes(payload: Payload) -> dict[str, object]:
    name = payload.name
    return {
        "mission": name.satellite,
        "payload": name.payload,
        "half_orbit": name.half_orbit,
        "orbit": name.orbit,
        "direction": name.direction_name,
        "side": "night" if name.night_side else "day",
        "cadence_s": payload.track.cadence,
        "source": payload.path.name,
        "notes": "; ".join(payload.notes),
    }


def _same(a: Track, b: Track) -> bool:
    return a is b or np.array_equal(a.time, b.time)


def _add_track(dataset: xarray.Dataset, times: dict[str, Track], suffix: str, track: Track) -> str:
    """Add time and position of a track; give the name of its dimension."""
    time = f"time{suffix}"
    times[time] = track
    dataset.coords[time] = (
        time,
        track.time.astype("datetime64[ns]"),
        {"standard_name": "time", "long_name": "UTC"},
    )
    positions = (
        ("latitude", track.latitude, "degrees_north", "geocentric latitude"),
        ("longitude", track.longitude, "degrees_east", "geocentric longitude"),
        ("altitude", track.altitude, "km", "altitude"),
    )
    for name, values, units, text in positions:
        attributes = {"units": units, "standard_name": name, "long_name": text}
        dataset.coords[f"{name}{suffix}"] = (time, values, attributes)
    return time


def _column_dimension(
    dataset: xarray.Dataset, columns: dict[str, tuple[int, FloatArray | None]], channel: Channel
) -> str:
    """Name of the second dimension; a new one is added, with its frequencies."""
    width, frequency = channel.values.shape[1], channel.frequency
    if frequency is not None:
        name = "frequency"
    elif width <= _MAX_COMPONENTS:
        name = "component"
    else:
        name = "sample" if channel.unit in _WAVEFORM_UNITS else "bin"
    if name in columns and not _same_columns(columns[name], width, frequency):
        name = f"{name}_{channel.name}"
    if name not in columns:
        columns[name] = (width, frequency)
        if frequency is not None:
            dataset.coords[name] = (name, frequency, {"units": "Hz", "long_name": "frequency"})
    return name


def _same_columns(
    known: tuple[int, FloatArray | None], width: int, frequency: FloatArray | None
) -> bool:
    if frequency is None or known[1] is None:
        return known[0] == width and frequency is known[1]
    return np.array_equal(frequency, known[1])
