"""Valid CSES-01 Level 2 files of every kind that the reader knows, and hostile ones.

The valid files follow the reader's own tables: what a payload holds is tested elsewhere, here
it must only be read.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from contextlib import suppress

import h5py
import numpy as np
from mutations import Seed, make_seed

from edge.readers.cses_tables import PAYLOADS

_GROUP = {"EFD": 1, "HPM": 2, "SCM": 2, "LAP": 3, "PAP": 3}
_START_MS = int(np.datetime64("2020-03-01T02:00:00", "ms").astype(np.int64))
_EPOCH_2009_MS = int(np.datetime64("2009-01-01", "ms").astype(np.int64))
_STYLES = ("plain", "packed", "latest")

Make = Callable[[h5py.File, str, np.ndarray], None]


def file_name(payload: str) -> str:
    """Name of a file of this payload that agrees with `content`."""
    return (
        f"CSES_01_{payload}_L02_A{_GROUP.get(payload[:3], 1)}_096791_"
        "20200301_015900_20200301_023500_000.h5"
    )


def content(payload: str, rows: int) -> dict[str, np.ndarray]:
    """Values of every dataset of a payload.

    Parameters
    ----------
    payload : str
    rows : int

    Returns
    -------
    dict of str to ndarray, shape (rows, columns)
    """
    step = int(1000 * PAYLOADS[payload].cadence)
    ms = _START_MS + step * np.arange(rows)
    seconds = (ms - ms[0]) / 1000.0
    moments = ms.astype("datetime64[ms]")
    digits = [int("".join(c for c in str(m) if c.isdigit())) for m in moments]
    values = {
        "GEO_LAT": (-20.0 + 0.0624 * seconds).astype("f4"),
        "GEO_LON": (39.0 - 0.0134 * seconds).astype("f4"),
        "ALTITUDE": np.full(rows, 507.0, "f4"),
        "VERSE_TIME": ms - _EPOCH_2009_MS,
        "UTC_TIME": np.array(digits, np.int64),
    }
    values = {k: v.reshape(-1, 1) for k, v in values.items()}
    for name, spec in PAYLOADS[payload].datasets.items():
        columns = getattr(spec, "columns", 1) or 64
        if name.startswith("FLAG") or name == "WORKMODE":
            values[name] = np.zeros((rows, columns), np.int32)
        else:
            base = 1e10 if spec.unit == "m^-3" else 1500.0 if spec.unit == "K" else 0.5
            values[name] = base * (1.0 + 0.1 * np.sin(np.arange(rows * columns)))
            values[name] = values[name].reshape(rows, columns)
        if spec.masked_by:
            values.setdefault(spec.masked_by, np.zeros((rows, 1), np.int32))
    if payload[:3] in ("EFD", "SCM") and "FREQ" not in PAYLOADS[payload].datasets:
        widths = [v.shape[1] for k, v in values.items() if k.endswith("_P")]
        if widths:
            values["FREQ"] = np.linspace(0.0, 2500.0, widths[0], dtype="f4").reshape(-1, 1)
    return values


def write(payload: str, style: str, rows: int, also: Make | None = None) -> bytes:
    """Write a file.

    Parameters
    ----------
    payload : str
    style : {"plain", "packed", "latest"}
        Old structures and attributes as EFD and LAP have them; chunks, filters and attributes
        as HPM has them; the newest structures.
    rows : int
    also : callable, optional
        Changes the open file last; takes it, the payload and the names of its datasets.

    Returns
    -------
    bytes
    """
    buffer = io.BytesIO()
    libver = "latest" if style == "latest" else "earliest"
    with h5py.File(buffer, "w", libver=libver) as file:
        scalar = style == "packed"
        texts = {"ORBITNUM": "009679" if scalar else "09679", "ORBITTYPE": "1"}
        texts["PAYLOADID"] = "146F0101" if scalar else payload[:3]
        for key, text in texts.items():
            file.attrs[key] = text if scalar else np.array([text.encode()])
        values = content(payload, rows)
        for name, array in values.items():
            if style == "plain":
                dataset = file.create_dataset(name, data=array)
            else:
                chunk = (max(1, array.shape[0] // 3), array.shape[1])
                packed = {"compression": "gzip", "shuffle": True} if scalar else {}
                dataset = file.create_dataset(
                    name, data=array, chunks=chunk, maxshape=(None, array.shape[1]), **packed
                )
            spec = PAYLOADS[payload].datasets.get(name)
            unit = spec.unit if spec else "none"
            if scalar:
                dataset.attrs["FillValue"] = np.array([-9999.0])
                dataset.attrs["Units"] = np.bytes_(unit)
                dataset.attrs["LongName"] = "a long name"
                dataset.attrs["ValidRange"] = np.array([-1e12, 1e12])
            else:
                dataset.attrs["units"] = np.array([unit.encode()])
        if also is not None:
            also(file, payload, np.array(list(values)))
    return buffer.getvalue()


def seeds() -> list[Seed]:
    """Valid files: every payload in every style."""
    found = []
    for payload, table in PAYLOADS.items():
        widest = max((getattr(d, "columns", 1) or 64 for d in table.datasets.values()), default=1)
        rows = 12 if widest < 40 else 3
        found += [make_seed(file_name(payload), write(payload, style, rows)) for style in _STYLES]
    return found


def hostile(dice: random.Random) -> tuple[str, bytes]:
    """Write a file that is well formed and means harm.

    Parameters
    ----------
    dice : random.Random

    Returns
    -------
    name : str
    content : bytes
    """
    payload = dice.choice(list(PAYLOADS))
    rows = dice.choice((1, 2, 3, 12))

    def spoil(file: h5py.File, _: str, names: np.ndarray) -> None:
        for _ in range(dice.choice((1, 1, 2, 3))):
            way = dice.choice(_SPOIL)
            name = str(dice.choice(list(names)))
            # Some changes do not go with earlier ones: then the earlier ones are enough.
            with suppress(Exception):
                way(file, name, dice)

    return file_name(payload), write(payload, dice.choice(_STYLES), rows, spoil)


def _again(file: h5py.File, name: str, **keywords: object) -> h5py.Dataset:
    if name in file:
        del file[name]
    return file.create_dataset(name, **keywords)


def _huge(file: h5py.File, name: str, dice: random.Random) -> None:
    """Declare any number of values and store none."""
    shape = dice.choice(((72_000, 1), (1 << 40, 1), (4, 1 << 33), (72_000, 4096), (3, 1 << 20)))
    chunk = dice.choice(((1, 1), (1024, 1), (1, 1024), (1 << 20, 1), None))
    if chunk is None or any(c > s for c, s in zip(chunk, shape, strict=True)):
        chunk = (1, 1)
    _again(file, name, shape=shape, chunks=chunk, dtype=dice.choice(("f8", "i1", "i8")))


def _bomb(file: h5py.File, name: str, dice: random.Random) -> None:
    """Pack many equal values into few bytes."""
    rows, columns = dice.choice(((72_000, 1), (72_000, 3), (12, 100_000), (4000, 512)))
    _again(
        file, name, data=np.zeros((rows, columns), dice.choice(("i1", "f4", "f8"))),
        chunks=(rows, columns), compression=dice.choice(("gzip", "lzf")),
        shuffle=dice.random() < 0.5, fletcher32=dice.random() < 0.3,
    )  # fmt: skip


def _odd_type(file: h5py.File, name: str, dice: random.Random) -> None:
    rows = dice.choice((1, 2, 3, 12))
    kinds: list[object] = [
        "f2", ">f8", "g", "c16", "?", "S8", "V7", "u8", ">i2", h5py.string_dtype(),
        h5py.vlen_dtype(np.dtype("f8")), h5py.ref_dtype, h5py.regionref_dtype,
        h5py.enum_dtype({"a": 1, "b": 2}), np.dtype([("x", "f8"), ("y", "i4")]),
        np.dtype(("f8", (3,))),
    ]  # fmt: skip
    _again(file, name, shape=(rows, 1), dtype=dice.choice(kinds))


def _odd_shape(file: h5py.File, name: str, dice: random.Random) -> None:
    shapes = ((), (0,), (0, 1), (1, 0), (4, 1, 1), (1,) * 32, (5, 2), (7,), (1, 12), (3, 3))
    _again(file, name, shape=dice.choice(shapes), dtype="f8")


def _link(file: h5py.File, name: str, dice: random.Random) -> None:
    if name in file:
        del file[name]
    links = (
        h5py.SoftLink("/nowhere"), h5py.SoftLink(f"/{name}"), h5py.SoftLink("/GEO_LON"),
        h5py.ExternalLink("/etc/passwd", "/x"), h5py.ExternalLink("other.h5", "/GEO_LAT"),
    )  # fmt: skip
    file[name] = dice.choice(links)


def _elsewhere(file: h5py.File, name: str, dice: random.Random) -> None:
    rows = 4
    if dice.random() < 0.5:
        _again(file, name, shape=(rows, 1), dtype="f8", external=[("/dev/zero", 0, 8 * rows)])
        return
    if name in file:
        del file[name]
    layout = h5py.VirtualLayout(shape=(rows, 1), dtype="f8")
    layout[:, :] = h5py.VirtualSource("/dev/zero", "x", shape=(rows, 1))
    file.create_virtual_dataset(name, layout)


def _group(file: h5py.File, name: str, dice: random.Random) -> None:
    if name in file:
        del file[name]
    if dice.random() < 0.5:
        file.create_group(name)
    else:
        file[name] = np.dtype("f8")


def _attribute(file: h5py.File, name: str, dice: random.Random) -> None:
    item = dice.choice((file, file[name])) if name in file else file
    key = dice.choice(
        ("ORBITNUM", "ORBITTYPE", "PAYLOADID", "units", "Units", "FillValue", "ValidRange")
    )
    values: list[object] = [
        "", "9" * 5000, "\u0661" * 3, b"\xff\xfe", np.nan, [np.inf, -np.inf], [np.nan] * 2,
        np.arange(3000.0), h5py.Empty("f8"), h5py.Empty("S1"), [1.0, 2.0, 3.0], -1, 2**63,
        np.array([b"nT", b"K"]), np.array([["a", "b"]], dtype=object), 1e400, 1 + 2j, True,
        np.zeros((), np.dtype([("x", "f8")])), np.array([b""]), "m^-3\n\x1b[31m", [1e308, 1e309],
    ]  # fmt: skip
    value = dice.choice(values)
    if isinstance(value, np.ndarray) and value.dtype == object:
        item.attrs.create(key, value, dtype=h5py.string_dtype())
    else:
        item.attrs[key] = value


def _many(file: h5py.File, name: str, dice: random.Random) -> None:
    """Move links or attributes into the structures for many of them."""
    if dice.random() < 0.5:
        for k in range(200):
            file.attrs[f"attribute {k}"] = "x" * 50
    else:
        for k in range(200):
            file.create_group(f"group {k}")


def _values(file: h5py.File, name: str, dice: random.Random) -> None:
    """Write values that are no measurement."""
    if name not in file or not isinstance(file[name], h5py.Dataset):
        return
    dataset = file[name]
    if dataset.dtype.kind not in "iuf" or not dataset.shape or dataset.size > 1e6:
        return
    limits = (
        [np.nan, np.inf, -np.inf, 1e308, 5e-324, -0.0, -9999.0, 1e38]
        if dataset.dtype.kind == "f"
        else [np.iinfo(dataset.dtype).max, np.iinfo(dataset.dtype).min, 0, -1, -9999]
    )
    values = dataset[...]
    with np.errstate(all="ignore"):
        for _ in range(dice.choice((1, 3, values.size or 1))):
            if values.size:
                values.flat[dice.randrange(values.size)] = np.array(dice.choice(limits)).astype(
                    dataset.dtype
                )
    dataset[...] = values


def _filters(file: h5py.File, name: str, dice: random.Random) -> None:
    if not isinstance(file[name], h5py.Dataset) or not 0 < (file[name].size or 0) < 1e6:
        return
    values = file[name][...]
    if values.dtype.kind not in "iu" or values.ndim != 2:
        return
    _again(
        file, name, data=values, chunks=values.shape,
        scaleoffset=0 if values.dtype.kind in "iu" else 3,
    )  # fmt: skip


_SPOIL = (
    _huge, _bomb, _odd_type, _odd_shape, _link, _elsewhere, _group, _attribute, _attribute,
    _many, _values, _values, _values, _filters,
)  # fmt: skip
