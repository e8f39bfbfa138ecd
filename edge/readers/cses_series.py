"""The datasets of an open CSES-01 file as series of records, a bounded block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.errors import InputError
from edge.observables import Band
from edge.readers.cses_spectra import BandMeans, packet_frequencies, record_spectra
from edge.readers.cses_tables import (
    ALSO,
    PLAIN_FIELD,
    SPECTRAL_UNITS,
    CsesPayload,
    DatasetSpec,
)
from edge.readers.hdf5 import MIB, Dataset
from edge.readers.rows import not_filled
from edge.units import canonical_unit

#: Bytes of records that are held at a time, as float64; more only where the file packs more
#: together (`hdf5.MAX_CHUNK_BYTES`). Small enough to stay in a processor's cache.
BLOCK_BYTES = MIB

_FILL_KEYS = ("FillValue", "_FillValue", "fillvalue", "missing_value")
UNIT_KEYS = ("units", "Units", "UNITS")
_LOWEST_SENTINEL, _HIGHEST_SENTINEL = -9999.0, 99999.0

Block = tuple[FloatArray, BoolArray]


class Series:
    """The records of one dataset that have a trusted time.

    Parameters
    ----------
    path : Path
    dataset : Dataset
        Checked; its rows are the file's records, or a whole number a record.
    spec : DatasetSpec
        The table's.
    keep : ndarray of bool, shape (N,)
        The records to give.
    """

    def __init__(self, path: Path, dataset: Dataset, spec: DatasetSpec, keep: BoolArray) -> None:
        self.name, self.spec = dataset.name, spec
        self._path, self._dataset, self._keep = path, dataset, keep
        self.records = int(np.count_nonzero(keep))
        self._all = self.records == keep.size
        #: Rows of the dataset in a record: 1, but for packets that are listed one by one.
        self._rows = dataset.shape[0] // keep.size
        self.columns = math.prod(dataset.shape[1:]) * self._rows
        #: Values a record of what `blocks` gives.
        self.width = self.columns
        self.unit = self._unit()
        self._raised: BoolArray | None = None
        self._fills, self._limits = self._stated()

    @property
    def size_bytes(self) -> int:
        """Bytes of all values as float64."""
        return 8 * self.records * self.width

    def mask(self, raised: BoolArray) -> None:
        """Take the records where a flag is raised, shape (N,), for invalid."""
        self._raised = raised

    def _unit(self) -> str:
        own = self.spec.unit
        if own == "none":
            return own
        text = self._dataset.text(*UNIT_KEYS)
        unit = canonical_unit(text) if text else own
        if unit not in (own, *ALSO.get(own, ())):
            known = " or ".join((own, *ALSO.get(own, ())))
            raise InputError(self._path, f"dataset {self.name} is in {text!r}; known is {known}")
        return unit

    def _stated(self) -> tuple[list[float], list[float]]:
        """Fill values and valid range that the dataset's attributes state."""
        fill = self._dataset.fill
        fills = [fill] if fill else []
        keys = filter(self._dataset.has_attribute, _FILL_KEYS)
        stated = [numbers for key in keys if len(numbers := self._dataset.numbers(key)) == 1]
        fills += [numbers[0] for numbers in stated]
        if stated and not self._dataset.is_double:
            # As the dataset's own type can hold them, too.
            with np.errstate(over="ignore", invalid="ignore"):
                held = np.array(stated).astype(self._dataset.dtype)
            fills += held.astype(np.float64).ravel().tolist()
        limits = self._dataset.numbers("ValidRange")
        return fills, limits if len(limits) == 2 and limits[0] < limits[1] else []

    def _all_valid(self, values: FloatArray) -> bool:
        """Whether two looks suffice: none of the values can be a fill value or out of range."""
        if not values.size:
            return True
        low, high = float(values.min()), float(values.max())
        # A NaN makes both NaN, and every comparison false.
        lowest = 0.0 if self.spec.positive else _LOWEST_SENTINEL
        return (
            lowest < low
            and high < _HIGHEST_SENTINEL
            and all(not low <= f <= high for f in self._fills if math.isfinite(f))
            and (not self._limits or (self._limits[0] <= low and high <= self._limits[1]))
        )

    def _valid(self, values: FloatArray) -> BoolArray:
        valid = not_filled(values)
        for fill in self._fills:
            valid &= values != fill
        if self._limits:
            valid &= (values >= self._limits[0]) & (values <= self._limits[1])
        if self.spec.positive:
            valid &= values > 0.0
        return valid

    def _raw_blocks(
        self, block_bytes: int, columns: slice = slice(None)
    ) -> Iterator[tuple[FloatArray, BoolArray | None]]:
        """Blocks as stored, shape (B, columns), and the valid values, None for all.

        A block lives until the next one is asked for.
        """
        n = self._keep.size
        step = max(1, block_bytes // (8 * self.columns))
        # Whole chunks, or libhdf5 would unpack each of them several times.
        chunk = -(-self._dataset.chunk_rows // self._rows)
        step = min(n, -(-step // chunk) * chunk)
        buffer = np.empty((step * self._rows, *self._dataset.shape[1:]))
        for start in range(0, n, step):
            stop = min(start + step, n)
            out = buffer[: (stop - start) * self._rows]
            self._dataset.read_into(out, start * self._rows)
            values = out.reshape(stop - start, self.columns)[:, columns]
            if not self._all:
                values = values[self._keep[start:stop]]
            # A look at the block as it lies in memory is quicker, and nearly always suffices.
            fine = self._all_valid(out) or self._all_valid(values)
            valid = None if fine else self._valid(values)
            if self._raised is not None:
                raised = self._raised[start:stop]
                raised = raised if self._all else raised[self._keep[start:stop]]
                if raised.any():
                    valid = np.ones(values.shape, np.bool_) if valid is None else valid
                    valid &= ~raised[:, None]
            yield values, valid

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
        """Values and validity, both of shape (B, columns), in order of time.

        A block lives until the next one is asked for.
        """
        for values, valid in self._raw_blocks(block_bytes):
            yield values, np.ones(values.shape, np.bool_) if valid is None else valid

    def whole(self) -> Block:
        """All values and their validity, shape (N,) or (N, columns)."""
        shape = (self.records, self.width) if self.width > 1 else (self.records,)
        if 8 * self._keep.size * self.columns <= BLOCK_BYTES:
            # One block, which nothing overwrites.
            values, valid = next(self.blocks())
            return values.reshape(shape), valid.reshape(shape)
        values = np.empty((self.records, self.width))
        valid = np.empty((self.records, self.width), dtype=np.bool_)
        done = 0
        for part, good in self.blocks():
            rows = slice(done, done + part.shape[0])
            values[rows], valid[rows] = part, good
            done = rows.stop
        return values.reshape(shape), valid.reshape(shape)


class Spectra(Series):
    """A series of spectra; its blocks are linear power density in the table's unit.

    Parameters
    ----------
    path, dataset, spec, keep
        As for `Series`.
    table : CsesPayload
    frequency : ndarray, shape (M,)
        Hz.
    notes : list of str
        Receives a line where the table had to say what the unit does not.
    """

    def __init__(
        self,
        path: Path,
        dataset: Dataset,
        spec: DatasetSpec,
        keep: BoolArray,
        table: CsesPayload,
        frequency: FloatArray,
        notes: list[str],
    ) -> None:
        self._table, self.frequency, self._notes = table, frequency, notes
        self._power, self._factor = 1, 1.0
        super().__init__(path, dataset, spec, keep)

    def _unit(self) -> str:
        text = self._dataset.text(*UNIT_KEYS)
        known = SPECTRAL_UNITS[self.spec.unit]
        unit = canonical_unit(text)
        if unit.lower() in {p.lower() for p in PLAIN_FIELD}:
            said = f"in {text!r}" if text else "without a unit"
            self._notes.append(f"{self.name} is {said}: taken for {self._table.density}")
            unit = self._table.density
        if unit not in known:
            raise InputError(
                self._path,
                f"dataset {self.name} is in {text!r}; known is {' or '.join(known)}",
            )
        self._power, self._factor = known[unit]
        return self.spec.unit

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
        """Power density and validity, both of shape (B, M), in order of time."""
        for values, valid in super().blocks(block_bytes):
            if self._power == 2:
                with np.errstate(over="ignore"):
                    np.square(values, out=values)
                valid &= np.isfinite(values)
            if self._factor != 1.0:
                values *= self._factor
            yield values, valid

    def band_means(self, bands: tuple[Band, ...]) -> BandMeans:
        """Mean linear power of bands."""
        low, high = min(band[0] for band in bands), max(band[1] for band in bands)
        inside = np.flatnonzero((self.frequency >= low) & (self.frequency < high))
        # At least one, so that a block keeps its rows.
        span = slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 1)
        means = BandMeans(self.frequency[span], bands, self.records)
        for values, valid in self._raw_blocks(BLOCK_BYTES, span):
            means.add(values, valid, self._power, self._factor)
        return means


class ComputedSpectra(Series):
    """A series of spectra that is computed from waveforms, for a file that has none.

    Parameters
    ----------
    path, dataset, spec, keep
        As for `Series`, of the waveform.
    name, unit : str
        Of the spectra.
    sampling_hz : float
    """

    def __init__(
        self,
        path: Path,
        dataset: Dataset,
        spec: DatasetSpec,
        keep: BoolArray,
        name: str,
        unit: str,
        sampling_hz: float,
    ) -> None:
        super().__init__(path, dataset, spec, keep)
        # A record of another length than whole packets is one packet.
        self._samples = spec.columns if self.columns % spec.columns == 0 else self.columns
        self._sampling_hz = sampling_hz
        self.frequency = packet_frequencies(self._samples, sampling_hz)
        self.name, self.unit, self.width = name, unit, self.frequency.size

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
        """Power density and validity, both of shape (B, M), in order of time."""
        for values, valid in super().blocks(block_bytes):
            power = record_spectra(values, valid, self._samples, self._sampling_hz)
            with np.errstate(invalid="ignore"):
                yield power, power > 0.0

    def band_means(self, bands: tuple[Band, ...]) -> BandMeans:
        """Mean linear power of bands."""
        means = BandMeans(self.frequency, bands, self.records)
        for values, valid in self.blocks():
            means.add(values, None if valid.all() else valid, 1, 1.0)
        return means
