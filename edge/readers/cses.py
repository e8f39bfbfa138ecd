"""CSES Level 2 HDF5 files, both attribute flavours.

Notes
-----
`cses_tables.CONFIRMED_BY` says what each payload's layout rests on; CSES-02's follow CSES-01's
(`CONFIRMED_BY_02`). Spectra are given as
linear power density, whatever the file has; where it has none they are computed from the
waveform (`cses_spectra`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.errors import InputError
from edge.observables import Band, Request, band_name
from edge.readers.cses_identity import check_identity, choose_times, from_utc, from_verse
from edge.readers.cses_series import UNIT_KEYS, ComputedSpectra, Series, Spectra
from edge.readers.cses_tables import (
    CONFIRMED_BY_02,
    MAX_RECORDS,
    OTHER_LAYOUT,
    PAYLOADS,
    DatasetSpec,
)
from edge.readers.halforbit import SIMULATED, Channel, Payload
from edge.readers.hdf5 import DAMAGE, MIB, Dataset, RootGroup, explain_fault, open_file
from edge.readers.names import FileName
from edge.readers.rows import (
    STUCK_UNITS,
    distinct_rows,
    make_track,
    time_order,
    trusted_times,
    without_stuck,
)

#: Waveforms above this, as float64, are read only where they are asked for by name.
WAVEFORM_BYTES = 64 * MIB


def read_cses(path: Path, name: FileName, channels: Request | None = None) -> Payload:
    """Read one Level 2 file.

    Parameters
    ----------
    path : Path
    name : FileName
        As sniffed; the content must agree with it.
    channels : dict of str to tuple of bands, optional
        Datasets to read beside time and position. Of one of spectra, the bands whose mean
        power is wanted, each a channel of its own (`band_name`); without bands, the
        spectra. By default all that the payload's table lists and the file has, except
        waveforms above `WAVEFORM_BYTES`, which a note names.

    Returns
    -------
    Payload

    Raises
    ------
    InputError
        The file is not readable HDF5, a dataset is missing, of another shape or type, or
        not fit to be read (`hdf5`), a unit is unknown, or content and name disagree.

    Notes
    -----
    Bands are computed a block of records at a time: a file of any size takes a few MiB.
    """
    with open_cses(path, name, channels) as file:
        content: dict[str, Channel] = {}
        for channel in file.held() if channels is None else channels:
            if channels is None:
                series = file.series(channel)
                if series.spec.kind == "waveform" and series.size_bytes > WAVEFORM_BYTES:
                    file.notes.append(
                        f"{channel} ({series.size_bytes / MIB:.0f} MiB) is not read unasked"
                    )
                    continue
                file.add(content, series)
            elif not file.may_give(channel):
                continue
            elif channels[channel]:
                file.add_bands(content, channel, channels[channel])
            else:
                file.add(content, file.series(channel))
        return Payload(name, path, file.track, content, tuple(file.notes))


@contextmanager
def open_cses(
    path: Path, name: FileName, channels: Iterable[str] | None = None
) -> Iterator[CsesFile]:
    """Open a Level 2 file and check time, position and identity.

    Parameters
    ----------
    path : Path
    name : FileName
    channels : iterable of str, optional
        Those that must be there; by default what the payload is of no use without.

    Yields
    ------
    CsesFile

    Raises
    ------
    InputError
        As `read_cses`; also for damage that is met inside the ``with`` block.
    """
    try:
        with closing(open_file(path)) as file:
            yield CsesFile(path, name, RootGroup(path, file), channels)
    except InputError:
        raise
    except DAMAGE as error:
        raise explain_fault(path, error) from None


class CsesFile:
    """An open Level 2 file.

    Parameters
    ----------
    path : Path
    name : FileName
    root : RootGroup
    channels : iterable of str, optional
        As for `open_cses`.

    Attributes
    ----------
    table : CsesPayload
    track : Track
        Of the records with a trusted time.
    notes : list of str
        Defects met so far.
    """

    def __init__(
        self, path: Path, name: FileName, root: RootGroup, channels: Iterable[str] | None = None
    ) -> None:
        self.path, self.name, self.table = path, name, PAYLOADS[name.payload]
        self.notes: list[str] = []
        self._root = root
        self._flags: dict[str, BoolArray] = {}
        self._frequency: FloatArray | None = None
        check_identity(path, name, root)
        if root.has_attribute("SIMULATED"):
            self.notes.append(SIMULATED)
        if name.spacecraft == 2:
            self.notes.append(f"layout of CSES-02: {CONFIRMED_BY_02[name.payload]}")
        if not root.has("GEO_LAT") and (other := [d for d in OTHER_LAYOUT if root.has(d)]):
            raise InputError(
                path,
                f"is of another layout of CSES files, with {', '.join(other)} and without GEO_LAT: "
                f"expected the Level 2 datasets of {name.payload}",
            )
        # What is asked for, or the payload is of no use without, is named before anything else.
        for channel, spec in self.table.datasets.items():
            needed = spec.required if channels is None else channel in channels
            needed &= not spec.optional
            if needed and not self._has(channel):
                raise InputError(path, f"dataset {_either(channel, spec)} is missing")
        self._n = 0
        latitude = self._column("GEO_LAT")
        self._n = latitude.size
        milliseconds, known = self._times()
        order = time_order(milliseconds, known)
        if order is not None:
            self.notes.append("its records are out of order: put in order of time")
            milliseconds, known = milliseconds[order], known[order]
        trusted = trusted_times(path, name, milliseconds, known, self.notes)
        trusted[trusted] = distinct_rows(milliseconds[trusted], self.table.cadence, self.notes)
        rows = np.flatnonzero(trusted) if order is None else order[trusted]
        self._keep = np.zeros(self._n, dtype=np.bool_)
        self._keep[rows] = True
        # Places of the records, in order of time, among those that are kept in the file's.
        self._order = None if order is None else np.searchsorted(np.sort(rows), rows)
        self.track = make_track(
            milliseconds[trusted],
            latitude[rows],
            self._column("GEO_LON")[rows],
            self._column("ALTITUDE")[rows],
            self.table.cadence,
            self.notes,
            rows if order is None else None,
        )

    def held(self) -> list[str]:
        """Channels that the file can give, in the table's order."""
        return [c for c in self.table.datasets if self._has(c) and not self._burst_only(c)]

    def may_give(self, channel: str) -> bool:
        """Whether to ask for a channel: one of the payload's, unless optional and absent."""
        spec = self.table.datasets.get(channel)
        return spec is not None and (not spec.optional or self._has(channel))

    def _has(self, channel: str) -> bool:
        waveform = self.table.datasets[channel].waveform
        return self._root.has(channel) or (waveform != "" and self._root.has(waveform))

    def stored(self) -> list[str]:
        """Datasets of the table that the file has, in its order."""
        return [c for c in self.table.datasets if self._root.has(c) and not self._burst_only(c)]

    def _burst_only(self, channel: str) -> bool:
        """Whether waveforms beside spectra have rows of their own, and note it.

        EFD_3 writes spectra of every record and waveforms of the records in burst mode: which
        they are of, no file says.
        """
        spec = self.table.datasets[channel]
        spectra = channel.removesuffix("_W") + "_P"
        if spec.kind != "waveform" or not self._root.has(channel) or not self._root.has(spectra):
            return False
        shape = self._root.dataset(channel).shape
        if (
            len(shape) not in (2, 3)
            or shape[-1] % spec.columns
            or (shape[0] and shape[0] % self._n == 0)
        ):
            return False
        self.notes.append(
            f"{channel} has {shape[0]} rows beside {self._n} spectra: of burst mode alone, not read"
        )
        return True

    def series(self, channel: str) -> Series:
        """Find the records of one channel.

        Parameters
        ----------
        channel : str
            A dataset of the payload's table.

        Returns
        -------
        Series

        Raises
        ------
        InputError
        """
        spec = self.table.datasets[channel]
        if spec.kind == "spectrum":
            return self.spectra(channel)
        dataset = self._root.dataset(channel)
        if spec.kind == "waveform":
            self._check_waveform(dataset, spec)
        else:
            self._check_shape(dataset, spec.columns)
        found = Series(self.path, dataset, spec, self._keep)
        if spec.masked_by:
            if not self._root.has(spec.masked_by):
                self.notes.append(
                    f"no {spec.masked_by}: disturbed records of {channel} are not masked"
                )
            else:
                found.mask(self._flag(spec.masked_by))
        return found

    def spectra(self, channel: str) -> Spectra | ComputedSpectra:
        """Find the spectra of a channel, stored or computed from its waveform.

        Parameters
        ----------
        channel : str

        Returns
        -------
        Spectra or ComputedSpectra

        Raises
        ------
        InputError
        """
        spec = self.table.datasets[channel]
        if self._root.has(channel):
            dataset = self._root.dataset(channel)
            frequency = self._frequencies()
            self._check_shape(dataset, frequency.size)
            return Spectra(self.path, dataset, spec, self._keep, self.table, frequency, self.notes)
        dataset = self._root.dataset(spec.waveform)
        form = self.table.datasets[spec.waveform]
        self._check_waveform(dataset, form)
        rate = self.table.sampling_hz
        self.notes.append(f"no {channel}: computed from {spec.waveform} at {rate:g} Hz")
        return ComputedSpectra(self.path, dataset, form, self._keep, channel, spec.unit, rate)

    def add(self, content: dict[str, Channel], series: Series) -> None:
        """Add the channel of all values of a series."""
        values, valid = self._in_order(*series.whole())
        if series.spec.kind == "value" and series.spec.unit in STUCK_UNITS:
            valid = without_stuck(series.name, values, valid, self.track.time, self.notes)
        frequency = series.frequency if isinstance(series, Spectra | ComputedSpectra) else None
        content[series.name] = Channel(
            name=series.name,
            payload=self.name.payload,
            unit=series.unit,
            values=values,
            valid=valid,
            track=self.track,
            frequency=frequency,
        )

    def add_bands(self, content: dict[str, Channel], channel: str, bands: tuple[Band, ...]) -> None:
        """Add a channel for each band of a channel of spectra."""
        if self.table.datasets[channel].kind != "spectrum":
            raise ValueError(f"{self.name.payload} channel {channel} has no bands")
        spectra = self.spectra(channel)
        means = spectra.band_means(bands)
        power, valid = self._in_order(means.values, means.valid)
        good = without_stuck(channel, power, valid, self.track.time, self.notes)
        for k, band in enumerate(bands):
            name = band_name(channel, band)
            values, valid = power[:, k].copy(), good[:, k].copy()
            content[name] = Channel(
                name=name,
                payload=self.name.payload,
                unit=spectra.unit,
                values=values,
                valid=valid,
                track=self.track,
            )

    def _column(self, name: str) -> FloatArray:
        dataset = self._root.dataset(name)
        self._check_shape(dataset, 1)
        return dataset.column()

    def _in_order(self, values: FloatArray, valid: BoolArray) -> tuple[FloatArray, BoolArray]:
        """Put a channel's rows in order of time, where the file's are not."""
        if self._order is None:
            return values, valid
        return values[self._order], valid[self._order]

    def _flag(self, name: str) -> BoolArray:
        if name not in self._flags:
            self._flags[name] = self._column(name) != 0.0
        return self._flags[name]

    def _times(self) -> tuple[IntArray, BoolArray]:
        """Milliseconds since 1970, of VERSE_TIME and UTC_TIME or the one that is there."""
        times: list[tuple[IntArray, BoolArray]] = []
        for name in ("VERSE_TIME", "UTC_TIME"):
            if self._root.has(name):
                dataset = self._root.dataset(name, kinds="iu")
                self._check_shape(dataset, 1)
                values = dataset.integers()
                verse = name == "VERSE_TIME"
                times.append(
                    from_verse(values, dataset.text(*UNIT_KEYS)) if verse else from_utc(values)
                )
        if not times:
            raise InputError(self.path, "datasets VERSE_TIME and UTC_TIME are both missing")
        return (
            times[0] if len(times) == 1 else choose_times(self.name, times[0], times[1], self.notes)
        )

    def _frequencies(self) -> FloatArray:
        """Frequencies of the bins in Hz, shape (M,)."""
        if self._frequency is None:
            dataset = self._root.dataset("FREQ")
            shape = dataset.shape
            if len(shape) not in (1, 2) or 0 in shape or (len(shape) == 2 and 1 not in shape):
                raise InputError(self.path, f"dataset FREQ has shape {shape}, not (M, 1)")
            unit = dataset.text(*UNIT_KEYS)
            if unit and unit.lower() not in ("hz", "none"):
                raise InputError(self.path, f"dataset FREQ is in {unit!r}; known is Hz")
            values = dataset.column()
            if not (np.isfinite(values).all() and values[0] >= 0.0 and np.all(np.diff(values) > 0)):
                raise InputError(self.path, "dataset FREQ does not increase from 0 Hz or above")
            self._frequency = values
        return self._frequency

    def _check_shape(self, dataset: Dataset, columns: int) -> None:
        """Hold a shape against (N, columns), N that of GEO_LAT once that was read."""
        shape, name = dataset.shape, dataset.name
        fits = (len(shape) == 2 and shape[1] == columns) or (len(shape) == 1 and columns == 1)
        if not fits:
            raise InputError(self.path, f"dataset {name} has shape {shape}, not (N, {columns})")
        if not 1 <= shape[0] <= MAX_RECORDS:
            raise InputError(
                self.path,
                f"dataset {name} has {shape[0]} records; a half-orbit has 1 to {MAX_RECORDS}",
            )
        if self._n and shape[0] != self._n:
            raise InputError(
                self.path,
                f"shapes disagree: {name} has {shape[0]} records, GEO_LAT {self._n}",
            )

    def _check_waveform(self, dataset: Dataset, spec: DatasetSpec) -> None:
        """Take packets beside each other, stacked, or listed one by one; note what is unusual.

        EFD writes 25 packets of 2048 samples a record in burst mode; how they lie in the
        array is seen in no real file.
        """
        shape, name = dataset.shape, dataset.name
        beside = len(shape) in (2, 3) and shape[0] == self._n and min(shape) > 0
        listed = len(shape) == 2 and shape[1] == spec.columns and shape[0] % self._n == 0
        if not (beside or (listed and shape[0] > 0)):
            raise InputError(
                self.path,
                f"dataset {name} has shape {shape}, not ({self._n}, K x {spec.columns}), "
                f"({self._n}, K, {spec.columns}) or ({self._n} x K, {spec.columns})",
            )
        if shape != (self._n, spec.columns):
            self.notes.append(
                f"{name} has shape {shape}, known is ({self._n}, {spec.columns}): "
                "taken for packets in order of time"
            )


def _either(channel: str, spec: DatasetSpec) -> str:
    return f"{channel} or {spec.waveform}" if spec.waveform else channel
