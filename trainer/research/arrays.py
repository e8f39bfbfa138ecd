"""The authors' preprocessed arrays: ``<prefix>_input.npz``, in one file or in two.

``train_X`` and ``test_X`` are windows of L rows and F values, ``train_y`` and ``test_y`` their
labels; ``test_EQ_LABELS`` and ``test_EQ_NUM`` say of each test window whether its event is an
earthquake (1) or made up (0), and its number. Labels and numbers may be columns, (N, 1).
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray, Features, IntArray
from edge.bundle import file_sha256
from edge.errors import one_line
from trainer.common.errors import TrainError

#: Keys of the layout, and two of ours: the same for training where it is known.
TRAIN_KEYS = ("train_X", "train_y")
TEST_KEYS = ("test_X", "test_y", "test_EQ_LABELS", "test_EQ_NUM")
EVENT_KEYS = ("train_EQ_LABELS", "train_EQ_NUM")

#: Bytes of one array, and of all of a file, beyond which nothing is read.
MOST_BYTES = 4 << 30
#: No measured values unpack to so many times their bytes; small arrays of labels do.
_MOST_RATIO = 200
_SMALL_BYTES = 64 << 20
_FEWEST_ROWS = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Arrays:
    """Windows of the layout.

    Attributes
    ----------
    names : tuple of str
        Files that they came from.
    sha256 : str
        Over the files in the order of their names.
    train, test : ndarray of float32, shape (N, L, F)
        NaN where a value is missing.
    train_label, test_label : ndarray of int8, shape (N,)
        1 before an earthquake, 0 not.
    test_event : ndarray of int64, shape (N,)
        Number of each test window's event, from 0.
    test_earthquake : ndarray of bool, shape (N,)
        Whether that event is an earthquake.
    train_event : ndarray of int64, shape (N,), or None
        Likewise, where the files tell.
    """

    names: tuple[str, ...]
    sha256: str
    train: Features
    train_label: npt.NDArray[np.int8]
    test: Features
    test_label: npt.NDArray[np.int8]
    test_event: IntArray
    test_earthquake: BoolArray
    train_event: IntArray | None


def read_arrays(paths: Sequence[Path], most_bytes: int = MOST_BYTES) -> Arrays:
    """Read and check the arrays.

    Parameters
    ----------
    paths : sequence of Path
        One file with training and test, or one with each.
    most_bytes : int, optional
        Of one array, as its header tells it, and of all together.

    Raises
    ------
    TrainError
        A file is missing, damaged, too large or holds objects; a key is missing, or given twice;
        a shape or a label is impossible. One line with file, value and valid range.
    """
    from trainer.datasets.stages import fingerprint_of

    wanted = (*TRAIN_KEYS, *TEST_KEYS, *EVENT_KEYS)
    found: dict[str, AnyArray] = {}
    source: dict[str, str] = {}
    left = most_bytes
    for path in paths:
        part, used = _read(path, wanted, left)
        left -= used
        for key, value in part.items():
            if key in found:
                raise TrainError(
                    f"{one_line(path.name)}: {key} is in {source[key]} too; valid is once"
                )
            found[key], source[key] = value, one_line(path.name)
    names = tuple(one_line(p.name) for p in paths)
    for key in (*TRAIN_KEYS, *TEST_KEYS):
        if key not in found:
            raise TrainError(
                f"{', '.join(names)}: no {key}; valid are files with {', '.join(TRAIN_KEYS)} and "
                f"{', '.join(TEST_KEYS)}"
            )
    train, test = (_windows(found, source, key) for key in ("train_X", "test_X"))
    if train.shape[1:] != test.shape[1:]:
        raise TrainError(
            f"{source['test_X']}: test_X has windows of shape {test.shape[1:]}, train_X of "
            f"{train.shape[1:]}; valid are equal ones"
        )
    labels = {k: _labels(found, source, k, x) for k, x in (("train_y", train), ("test_y", test))}
    test_event, test_earthquake = _events(found, source, "test", labels["test_y"])
    train_event = None
    if any(k in found for k in EVENT_KEYS):
        for key in EVENT_KEYS:
            if key not in found:
                raise TrainError(f"{', '.join(names)}: no {key}; valid are both of {EVENT_KEYS}")
        train_event = _events(found, source, "train", labels["train_y"])[0]
    return Arrays(
        names=names,
        sha256=fingerprint_of(sorted(file_sha256(p) for p in paths)),
        train=train,
        train_label=labels["train_y"],
        test=test,
        test_label=labels["test_y"],
        test_event=test_event,
        test_earthquake=test_earthquake,
        train_event=train_event,
    )


def _read(path: Path, wanted: Sequence[str], most: int) -> tuple[dict[str, AnyArray], int]:
    """Read the wanted arrays of a file, after a look at the sizes that it declares."""
    name = one_line(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise TrainError(f"{name}: an array is in it twice; valid is once")
            used = 0
            for key in wanted:
                if key in members:
                    used += _declared(archive, members[key], name, key, most - used)
            with np.load(path, allow_pickle=False) as stored:
                return {key: stored[key] for key in wanted if key in members}, used
    except TrainError:
        raise
    except OSError as error:
        raise TrainError(f"{name}: {error.strerror or one_line(str(error))}") from None
    except Exception as error:
        # zipfile, zlib, tokenize and numpy each raise errors of their own on damaged bytes.
        raise TrainError(f"{name}: not a .npz file: {one_line(str(error))}") from None


def _declared(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, key: str, most: int
) -> int:
    """Bytes of an array by its own header, which has to agree with the archive's."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if header is None:
            raise TrainError(f"{name}: {key} has the format {version}; valid are 1.0 and 2.0")
        shape, _, dtype = header(stream)
    if dtype.hasobject or dtype.fields is not None or dtype.kind not in "biuf":
        raise TrainError(f"{name}: {key} holds {dtype}; valid are plain numbers, no objects")
    size = int(dtype.itemsize)
    for length in shape:
        size *= int(length)
    if size > most or member.file_size > most + 4096:
        raise TrainError(
            f"{name}: {key} is {max(size, member.file_size):,} bytes; valid is up to {most:,} "
            "together"
        )
    if size > member.file_size:
        raise TrainError(
            f"{name}: {key} says {size:,} bytes and holds {member.file_size:,}; it is damaged"
        )
    if member.file_size > max(_SMALL_BYTES, _MOST_RATIO * member.compress_size):
        raise TrainError(
            f"{name}: {key} unpacks {member.compress_size:,} bytes to {member.file_size:,}; valid "
            f"is up to {_MOST_RATIO} times, or {_SMALL_BYTES:,} bytes"
        )
    return size


def _windows(found: dict[str, AnyArray], source: dict[str, str], key: str) -> Features:
    value = found[key]
    if value.ndim != 3 or min(value.shape) < 1 or value.shape[1] < _FEWEST_ROWS:
        raise TrainError(
            f"{source[key]}: {key} has the shape {value.shape}; valid is (windows, rows, values) "
            f"with {_FEWEST_ROWS} rows and more"
        )
    with np.errstate(over="ignore"):
        result: Features = value.astype(np.float32)
    # Beyond single precision and infinite are as good as missing.
    result[~np.isfinite(result)] = np.nan
    if not np.isfinite(result).any():
        raise TrainError(f"{source[key]}: {key} holds no number; valid are windows with values")
    return result


def _column(found: dict[str, AnyArray], source: dict[str, str], key: str, n: int) -> AnyArray:
    value = found[key]
    if value.shape not in ((n,), (n, 1)):
        raise TrainError(
            f"{source[key]}: {key} has the shape {value.shape}; valid are ({n},) and ({n}, 1)"
        )
    value = value.reshape(n)
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise TrainError(f"{source[key]}: {key} holds {_first_bad(value)}; valid are numbers")
    return value


def _labels(
    found: dict[str, AnyArray], source: dict[str, str], key: str, windows: Any
) -> npt.NDArray[np.int8]:
    value = _column(found, source, key, windows.shape[0])
    strange = np.unique(value[(value != 0) & (value != 1)])
    if strange.size:
        raise TrainError(f"{source[key]}: {key} holds {strange[0]}; valid are 0 and 1")
    if np.unique(value).size < 2:
        raise TrainError(f"{source[key]}: {key} is all {value[0]}; valid are both 0 and 1")
    return value.astype(np.int8)


def _events(
    found: dict[str, AnyArray], source: dict[str, str], part: str, label: AnyArray
) -> tuple[IntArray, BoolArray]:
    """Give each window the number of its event, a pair of the two columns."""
    keys = (f"{part}_EQ_LABELS", f"{part}_EQ_NUM")
    earthquake, number = (_column(found, source, key, label.size) for key in keys)
    strange = np.unique(earthquake[(earthquake != 0) & (earthquake != 1)])
    if strange.size:
        raise TrainError(f"{source[keys[0]]}: {keys[0]} holds {strange[0]}; valid are 0 and 1")
    pairs = np.stack([earthquake.astype(np.float64), number.astype(np.float64)], axis=1)
    event = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return event, earthquake == 1


def _first_bad(value: AnyArray) -> str:
    return str(value[~np.isfinite(value)][0])


#: Part of the training arrays that validates.
VALIDATION_SHARE = 0.2
_SMALLEST_SPREAD = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Places of training and validation windows in the training arrays, and how they were cut."""

    train: IntArray
    validation: IntArray
    how: str


def split_training(arrays: Arrays, seed: int) -> Split:
    """Cut validation windows off the training arrays.

    Returns
    -------
    Split
        By whole events where the files tell them; else the last part of each class in the order of
        the file, with as many windows before it left out as windows have rows: neighbours overlap.

    Raises
    ------
    TrainError
        There are too few windows or events.
    """
    label = arrays.train_label
    held = np.zeros(label.size, dtype=np.bool_)
    lost = np.zeros(label.size, dtype=np.bool_)
    if arrays.train_event is not None:
        rng = np.random.default_rng(seed)
        for which in (0, 1):
            events = np.unique(arrays.train_event[label == which])
            count = round(VALIDATION_SHARE * events.size)
            if count < 1 or count >= events.size:
                raise TrainError(
                    f"train_EQ_NUM: {events.size} events of label {which}; valid is 3 and more"
                )
            held |= np.isin(arrays.train_event, rng.choice(events, count, replace=False))
        how = f"{100 * VALIDATION_SHARE:g} % of the events of each class, drawn at random"
    else:
        gap = arrays.train.shape[1]
        for which in (0, 1):
            places = np.flatnonzero(label == which)
            count = round(VALIDATION_SHARE * places.size)
            # Few windows: what is left out must not be more than what is kept.
            gap_here = min(gap, places.size // 10)
            if count < 2 or places.size - count - gap_here < 2:
                raise TrainError(
                    f"train_y: {places.size} windows of label {which}; valid is 10 and more"
                )
            held[places[-count:]] = True
            lost[places[-count - gap_here : -count]] = True
        how = (
            f"the last {100 * VALIDATION_SHARE:g} % of each class in the order of the file, since "
            "it does not tell the events of training windows; up to a window's length before it "
            "is left out"
        )
    return Split(np.flatnonzero(~held & ~lost), np.flatnonzero(held), how)


def prepare(
    train: Features, others: Sequence[Features], normalise: bool, masks: bool
) -> list[Features]:
    """Normalise rows if asked, and standardise by training windows alone.

    Parameters
    ----------
    train : ndarray of float32, shape (N, L, F)
        NaN where missing.
    others : sequence of ndarray, shape (n, L, F)
    normalise : bool
        Divide each window by the root of the sum of its squares.
    masks : bool
        Leave missing values out and mark them; else they are 0 before all else and count as
        valid, as in the released code.

    Returns
    -------
    list of ndarray of float32, shape (n, L, 2 F)
        Of training and of the others: values, then flags.
    """
    flat = [a.reshape(a.shape[0], -1).astype(np.float64) for a in (train, *others)]
    if not masks:
        flat = [np.nan_to_num(a, nan=0.0) for a in flat]
    if normalise:
        norms = [np.sqrt(np.nansum(a * a, axis=1, keepdims=True)) for a in flat]
        flat = [a / np.where(n > 0.0, n, 1.0) for a, n in zip(flat, norms, strict=True)]
    known = np.isfinite(flat[0])
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, flat[0], 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, flat[0] - mean, 0.0) ** 2).sum(axis=0) / count)
    spread = np.where(spread > _SMALLEST_SPREAD, spread, 1.0)
    result = []
    for values, original in zip(flat, (train, *others), strict=True):
        scaled = ((values - mean) / spread).reshape(original.shape)
        valid = np.isfinite(scaled)
        both = [np.where(valid, scaled, 0.0), valid.astype(np.float64)]
        result.append(np.concatenate(both, axis=2).astype(np.float32))
    return result
