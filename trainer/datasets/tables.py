"""The labelled windows of a dataset on disk: Parquet, one block of the split a row group."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.arrays import Features
from edge.errors import one_line
from trainer.common.errors import TrainError
from trainer.datasets.layout import WINDOWS_FILE
from trainer.datasets.splits import NAMES

if TYPE_CHECKING:
    import pyarrow as pa

#: Windows in a row group: some MB.
GROUP_ROWS = 2048


@contextmanager
def new_parquet(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """Write a Parquet file that appears whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    handle, name = mkstemp(prefix=f".{path.name}-", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    # Dictionaries pay for repeated texts; of floats they would only be thrown away again.
    texts = [f.name for f in schema if pa.types.is_string(f.type)]
    try:
        with os.fdopen(handle, "wb") as stream:
            with pq.ParquetWriter(
                stream, schema, compression="zstd", use_dictionary=texts
            ) as writer:
                yield writer
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes it private; a dataset is for everyone who may read its folder.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReader:
    """Windows of some blocks, read from a memory-mapped file row group by row group.

    Attributes
    ----------
    path : Path
    splits : tuple of str
        Blocks that are read.
    columns : tuple of str or None
        None: all.
    length : int
        Rows in a window, L.
    observables : tuple of str
        Names of the F columns of a row.
    mission, profile : str
    simulated : bool
    raw : bool
        Whether the recipe asks for values in place of residuals.
    """

    path: Path
    splits: tuple[str, ...]
    columns: tuple[str, ...] | None
    length: int
    observables: tuple[str, ...]
    mission: str
    profile: str
    simulated: bool
    raw: bool

    def batches(self, size: int = 1024) -> Iterator[pa.RecordBatch]:
        """Give the windows in batches; at most one row group is in memory.

        Parameters
        ----------
        size : int, optional
            Most windows in a batch.
        """
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path, memory_map=True) as file:
            for group in self._groups(file):
                columns = None if self.columns is None else list(self.columns)
                table = file.read_row_group(group, columns)
                yield from table.to_batches(size)

    def table(self) -> pa.Table:
        """All windows at once; for a few columns, or a small dataset."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path, memory_map=True) as file:
            columns = None if self.columns is None else list(self.columns)
            return file.read_row_groups(list(self._groups(file)), columns)

    def __len__(self) -> int:
        """Give the number of windows."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path, memory_map=True) as file:
            return sum(file.metadata.row_group(g).num_rows for g in self._groups(file))

    def inputs(
        self, windows: pa.RecordBatch | pa.Table, raw: bool | None = None
    ) -> tuple[Features, npt.NDArray[np.int8]]:
        """Turn windows into what a model sees.

        Parameters
        ----------
        windows : pyarrow.RecordBatch or Table
            Of n windows, with the columns ``residual`` (or ``value``), ``valid`` and ``label``.
        raw : bool, optional
            Values before the climatology in place of residuals; as the recipe says by default.

        Returns
        -------
        X : ndarray of float32, shape (n, L, 2 F)
            F residuals, 0 where masked, then F flags: the rows of `edge.climatology`.
        y : ndarray of int8, shape (n,)
            1 positive, 0 control.
        """
        raw = self.raw if raw is None else raw
        shape = (windows.num_rows, self.length, len(self.observables))
        parts = [
            _flat(windows["value" if raw else "residual"]).reshape(shape),
            _flat(windows["valid"]).reshape(shape).astype(np.float32),
        ]
        label = windows["label"].to_numpy(zero_copy_only=False).astype(np.int8)
        return np.concatenate(parts, axis=2), label

    def _groups(self, file: Any) -> Iterator[int]:
        """Row groups of the wanted blocks: by the file's statistics, nothing else is decoded."""
        metadata = file.metadata
        place = file.schema_arrow.names.index("split")
        for group in range(metadata.num_row_groups):
            found = metadata.row_group(group).column(place).statistics
            if found is None or not found.has_min_max or found.min != found.max:
                raise TrainError(f"{self.path.name}: row group {group} holds more than one block")
            if found.min in self.splits:
                yield group


def open_windows(
    dataset: Path,
    split: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    allow_test: bool = False,
) -> WindowReader:
    """Open the windows of a dataset.

    Parameters
    ----------
    dataset : Path
    split : str or sequence of str, optional
        Blocks; by default ``train`` and ``validation``, and ``test`` where it is allowed.
    columns : sequence of str, optional
        All by default.
    allow_test : bool, optional
        The test block is opened once, at the very end, by who says so here.

    Raises
    ------
    TrainError
        The file is missing or damaged, a name is unknown, or the test block is not allowed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = dataset / WINDOWS_FILE
    wanted: tuple[str, ...]
    if split is None:
        wanted = NAMES if allow_test else NAMES[:2]
    else:
        wanted = (split,) if isinstance(split, str) else tuple(split)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        raise TrainError(f"split {unknown[0]!r}; valid are {', '.join(NAMES)}")
    if "test" in wanted and not allow_test:
        raise TrainError(f"{path.name}: the test block opens with allow_test=True alone")
    try:
        schema = pq.read_schema(path)
        about = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
        missing = [c for c in columns or () if c not in schema.names]
        if missing:
            raise TrainError(f"{path.name}: no column {missing[0]!r}")
        return WindowReader(
            path=path,
            splits=wanted,
            columns=None if columns is None else tuple(columns),
            length=int(about["length"]),
            observables=tuple(about["observables"].split(",")),
            mission=about["mission"],
            profile=about["profile"],
            simulated=about["simulated"] == "true",
            raw=about["raw"] == "true",
        )
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise TrainError(f"{one_line(str(path))}: no windows: {one_line(str(error))}") from None


def _flat(lists: Any) -> npt.NDArray[Any]:
    """Items of a column of fixed-size lists, one after another."""
    import pyarrow as pa

    if isinstance(lists, pa.ChunkedArray):
        parts = [_flat(chunk) for chunk in lists.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    result: npt.NDArray[Any] = lists.flatten().to_numpy(zero_copy_only=False)
    return result
