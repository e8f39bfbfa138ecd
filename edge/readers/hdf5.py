"""Safe and quick access to the root group of an HDF5 file that nobody vouches for.

Every dataset is checked before a byte of it is read: link, type, layout, filters, declared
and stored size. Only what the format describes is taken: numbers in the file itself, plain
or packed by gzip, lzf, shuffle and fletcher32.

Notes
-----
The calls are h5py's low-level ones, since its Dataset and AttributeManager look the same
link up again for each question; on a file of 15 short datasets that is most of the time.
"""

from __future__ import annotations

import math
import os
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5l, h5o, h5p, h5s, h5t, h5z

from edge.arrays import AnyArray, FloatArray, IntArray
from edge.errors import InputError
from edge.readers.sniffing import explain_os_error, system_errno
from edge.readers.variable_text import variable_texts

MIB = 1024 * 1024
#: Most bytes, as float64, that one dataset may declare.
MAX_BYTES = 512 * MIB
#: Most bytes of one chunk, and of the chunks beside each other that a record crosses:
#: libhdf5 unpacks them whole.
MAX_CHUNK_BYTES = 16 * MIB
# libhdf5 keeps kilobytes for every chunk that one read touches.
_MAX_CHUNKS = 10_000
# lzf packs at most 88 to 1, and its filter grows its buffer until all is unpacked.
_MAX_LZF_CHUNK_BYTES = MIB
#: Most declared bytes for one stored, of datasets over `_SMALL`; packed flags reach more.
MAX_RATIO = 200
_SMALL = MIB
# A gzip chunk that packs nothing is a little longer than what it holds.
_PACKING_SLACK = 4096
_MAX_ATTRIBUTE_BYTES = 65536
# libhdf5 makes a list of them at each look; the files that were seen have five.
_MAX_ATTRIBUTES = 200
_MAX_ENTRIES = 1000
# Letters of it that are looked at: no unit and no number is longer.
_MAX_TEXT = 200

_SHUFFLE, _GZIP, _FLETCHER, _LZF = (
    h5z.FILTER_SHUFFLE,
    h5z.FILTER_DEFLATE,
    h5z.FILTER_FLETCHER32,
    h5z.FILTER_LZF,
)
_ALLOWED = {_SHUFFLE, _GZIP, _FLETCHER, _LZF}
_LETTERS = {h5t.INTEGER: "i", h5t.FLOAT: "f"}
# netCDF's packing of values, and what leaves them as they are.
_PACKING = {"scale_factor": 1.0, "add_offset": 0.0}
# Looks at no lock, and closes what is open in a file with it.
_ACCESS = h5p.create(h5p.FILE_ACCESS)
_ACCESS.set_file_locking(False, ignore_when_disabled=False)
_ACCESS.set_fclose_degree(h5f.CLOSE_STRONG)

# What h5py raises on damaged bytes, and where a system call fails.
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)

# How libhdf5 says that it was given no memory.
_NO_MEMORY = ("memory allocation failed", "unable to allocate")
# More than libhdf5 needs at a time for any dataset that is let through.
_MEMORY_NEEDED = 4 * MAX_CHUNK_BYTES


def open_file(path: Path) -> h5f.FileID:
    """Open a file for reading, whoever holds a lock on it; `close` closes all that is open in it.

    libhdf5 locks what it reads. A lock of another program, or a file system without locks,
    would then pass for damage, and a reader has nothing to protect.
    """
    return h5f.open(os.fsencode(path), h5f.ACC_RDONLY, _ACCESS)


def explain_fault(path: Path, error: BaseException) -> InputError:
    """Tell the fault of the bytes from that of the station.

    Parameters
    ----------
    path : Path
    error : BaseException
        One of `DAMAGE`.

    Returns
    -------
    InputError
        Transient where a system call failed or memory is short.
    """
    if system_errno(error):
        return explain_os_error(path, error)
    text = str(error)
    if isinstance(error, MemoryError) or "alloc" in text:
        # What libhdf5 itself could not get may be there again by now. Bytes that ask for more than
        # any computer has are tried again with long pauses: better than good ones called damaged.
        short = isinstance(error, MemoryError) or any(words in text.lower() for words in _NO_MEMORY)
        # Of other words of its: what may be read needs no more than this.
        try:
            np.empty(_MEMORY_NEEDED, dtype=np.uint8)
        except MemoryError:
            short = True
        if short:
            return InputError(path, "not enough memory to read it", transient=True)
    if "already open for write" in text:
        return InputError(path, "is still open in the program that writes it, or was never closed")
    # The library's text is the cause.
    return InputError(path, f"damaged HDF5: {text}")


class _Item:
    """The root group, or a dataset of it, and its attributes."""

    __slots__ = ("_id", "_keys", "_root", "name")

    def __init__(self, root: RootGroup, name: str, identifier: Any) -> None:
        self._root, self.name, self._id = root, name, identifier
        count = h5a.get_num_attrs(identifier)
        if count > _MAX_ATTRIBUTES:
            what = f"dataset {name}" if name else "the root group"
            raise InputError(
                root.path, f"{what} has {count} attributes; at most {_MAX_ATTRIBUTES} are read"
            )
        # One look for all: most of the keys that are asked for are not there.
        self._keys: list[bytes] = []
        h5a.iterate(identifier, self._keys.append)

    def has_attribute(self, key: str) -> bool:
        """Whether there is an attribute, whatever it holds."""
        return key.encode() in self._keys

    def fixed_text(self, key: str) -> str:
        """Text of an attribute, '' where it is of variable length."""
        return _single(self._attribute(key)) if self.has_attribute(key) else ""

    def text(self, *keys: str) -> str:
        """Text of the first of these attributes that has any, or ''.

        Each may be a scalar or an array of one element, bytes or str, Empty or missing.
        """
        for key in filter(self.has_attribute, keys):
            value = self._attribute(key)
            text = _single(value)
            if value is _VARIABLE_TEXT:
                text = _plain(self._root.variable_text(f"{self.name}@{key}"))
            if text:
                return text
        return ""

    def numbers(self, *keys: str) -> list[float]:
        """One or two numbers of the first of these attributes that holds such, or []."""
        for key in filter(self.has_attribute, keys):
            value = self._attribute(key)
            if value is not None and value.dtype.kind in "iuf" and value.size <= 2:
                return [float(v) for v in value]
        return []

    def _attribute(self, key: str) -> AnyArray | None:
        """Read an attribute in whatever form it was written; None where that fails.

        `_VARIABLE_TEXT` where it is text of variable length, which is never read here.
        """
        try:
            attribute = h5a.open(self._id, key.encode())
            stored = attribute.get_storage_size()
            # A null attribute stores nothing.
            if not 0 < stored <= _MAX_ATTRIBUTE_BYTES:
                return None
            kind = attribute.get_type()
            what, size = kind.get_class(), kind.get_size()
            # Flat: its shape says nothing, and would take longer to ask for than the values.
            count = stored // size
            if what == h5t.FLOAT:
                values, memory = np.empty(count), h5t.NATIVE_DOUBLE
            elif what == h5t.INTEGER:
                values, memory = np.empty(count, np.int64), h5t.NATIVE_INT64
            elif what != h5t.STRING:
                return None
            elif kind.is_variable_str():
                return _VARIABLE_TEXT
            else:
                values, memory = np.empty(count, f"S{size}"), kind
            attribute.read(values, memory)
        except DAMAGE as error:
            # A damaged attribute says nothing; one that could not be read may say anything.
            fault = explain_fault(self._root.path, error)
            if fault.transient:
                raise fault from None
            return None
        return values


class Dataset(_Item):
    """One dataset that was found fit to be read.

    Attributes
    ----------
    name : str
    shape : tuple of int
    item_bytes : int
        Bytes of a value in the file.
    is_double : bool
        Whether the file holds float64.
    chunk_rows : int
        Records that are stored together; 1 where they are not chunked.
    """

    __slots__ = ("chunk_rows", "is_double", "item_bytes", "shape")

    def __init__(self, root: RootGroup, name: str, identifier: Any, kinds: str) -> None:
        super().__init__(root, name, identifier)
        for packing, neutral in _PACKING.items():
            stated = self.has_attribute(packing) and (self.numbers(packing) or self.text(packing))
            if stated and stated != [neutral]:
                raise self._refuse(f"is packed: expected {packing} {neutral:g}, got {stated}")
        kind = identifier.get_type()
        letter = _LETTERS.get(kind.get_class(), "x")
        if letter not in kinds:
            wanted = "a number" if "f" in kinds else "an integer"
            raise self._refuse(f"has type {identifier.dtype}, not {wanted}")
        self.item_bytes = int(kind.get_size())
        self.is_double = letter == "f" and self.item_bytes == 8
        #: () for a scalar and for a null dataset, too.
        self.shape: tuple[int, ...] = identifier.shape or ()
        self.chunk_rows = 1
        # What has a place in the file is neither chunked nor in another one.
        if identifier.get_offset() is None or math.prod(self.shape) * self.item_bytes > _SMALL:
            self._check_storage()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values in the file."""
        found: np.dtype[Any] = self._id.dtype
        return found

    @property
    def fill(self) -> float:
        """What stands where nothing was written; 0, which says nothing, by default."""
        plist = self._id.get_create_plist()
        if plist.fill_value_defined() != h5d.FILL_VALUE_USER_DEFINED:
            return 0.0
        value = np.zeros((), self._id.dtype)
        plist.get_fill_value(value)
        return float(value)

    def _refuse(self, why: str) -> InputError:
        return InputError(self._root.path, f"dataset {self.name} {why}")

    def _check_storage(self) -> None:
        """Refuse values in other files, unknown filters and sizes that cannot be true."""
        plist = self._id.get_create_plist()
        layout = plist.get_layout()
        if layout == h5d.VIRTUAL or plist.get_external_count():
            raise self._refuse("keeps its values in another file")
        declared = math.prod(self.shape) * max(self.item_bytes, 8)
        if declared > MAX_BYTES:
            raise self._refuse(
                f"declares shape {self.shape}, {declared / MIB:.0f} MiB; "
                f"at most {MAX_BYTES // MIB} MiB are read"
            )
        if layout == h5d.CHUNKED:
            self._check_chunks(plist)
        declared = math.prod(self.shape) * self.item_bytes
        if declared <= _SMALL and layout != h5d.CHUNKED:
            return
        stored = self._id.get_storage_size()
        if stored > self._root.size:
            raise self._refuse(f"stores {stored} bytes in a file of {self._root.size}")
        if declared > _SMALL and declared > MAX_RATIO * stored:
            raise self._refuse(
                f"declares {declared} bytes and stores {stored}; "
                f"at most {MAX_RATIO} times as many are read"
            )

    def _check_chunks(self, plist: Any) -> None:
        chunk = plist.get_chunk()
        size = math.prod(chunk) * self.item_bytes
        # As float64, which is what a block of records is held in.
        across = math.prod(chunk) * max(self.item_bytes, 8)
        for length, step in zip(self.shape[1:], chunk[1:], strict=True):
            across *= -(-length // step)
        if across > MAX_CHUNK_BYTES:
            raise self._refuse(
                f"has chunks {chunk}, over {MAX_CHUNK_BYTES // MIB} MiB in one row of them"
            )
        self.chunk_rows = chunk[0]
        count = math.prod(-(-n // step) for n, step in zip(self.shape, chunk, strict=True))
        if count > _MAX_CHUNKS:
            raise self._refuse(f"has {count} chunks {chunk}; at most {_MAX_CHUNKS} are read")
        filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
        unknown = sorted(set(filters) - _ALLOWED)
        if unknown:
            raise self._refuse(
                f"is packed by HDF5 filter {unknown[0]}; known are gzip, lzf, shuffle, fletcher32"
            )
        packing = [f for f in filters if f != _FLETCHER]
        if packing not in ([], [_SHUFFLE], [_GZIP], [_LZF], [_SHUFFLE, _GZIP], [_SHUFFLE, _LZF]):
            raise self._refuse(f"is packed by HDF5 filters {filters}, in an unknown order")
        if _LZF in filters and size > _MAX_LZF_CHUNK_BYTES:
            raise self._refuse(f"has lzf chunks {chunk}, over {_MAX_LZF_CHUNK_BYTES // MIB} MiB")
        if packing and packing != [_SHUFFLE]:
            self._check_packed(size, _GZIP in filters)

    def _check_packed(self, size: int, gzip: bool) -> None:
        """Hold what each chunk unpacks to against its declared size.

        libhdf5 unpacks a gzip chunk to its end, however far that is.
        """
        places: list[tuple[tuple[int, ...], int, int]] = []
        self._id.chunk_iter(lambda c: places.append((c.chunk_offset, c.size, c.filter_mask)))
        for place, stored, mask in places:
            if stored > size + size // 100 + _PACKING_SLACK:
                raise self._refuse(f"has a chunk of {stored} bytes at {place}, more than {size}")
            if not gzip or mask:
                continue
            packed = self._id.read_direct_chunk(place)[1]
            try:
                unpacked = zlib.decompressobj().decompress(packed, size + 5)
            except zlib.error as error:
                raise self._refuse(f"has a damaged chunk at {place}: {error}") from None
            # The checksum of fletcher32, where that filter came first, is four bytes.
            if len(unpacked) > size + 4:
                raise self._refuse(f"has a chunk at {place} that unpacks to more than {size} bytes")

    def read_into(self, out: AnyArray, start: int) -> None:
        """Read as many records as `out` has, from `start` on; libhdf5 converts the type.

        Parameters
        ----------
        out : ndarray of float64 or int64, shape (B, ...)
            Contiguous; the further axes are the dataset's.
        start : int
        """
        memory = h5t.NATIVE_DOUBLE if out.dtype.kind == "f" else h5t.NATIVE_INT64
        if out.shape[0] == self.shape[0]:
            self._id.read(h5s.ALL, h5s.ALL, out, memory)
            return
        there = self._id.get_space()
        there.select_hyperslab((start, *(0 for _ in self.shape[1:])), out.shape)
        self._id.read(h5s.create_simple(out.shape), there, out, memory)

    def column(self) -> FloatArray:
        """All values, shape (N,)."""
        values = np.empty(self.shape)
        self.read_into(values, 0)
        return values.reshape(-1)

    def integers(self) -> IntArray:
        """All values of a dataset of integers, shape (N,)."""
        values = np.empty(self.shape, dtype=np.int64)
        self.read_into(values, 0)
        return values.reshape(-1)


#: Stands for an attribute that `variable_texts` must read; it holds no element.
_VARIABLE_TEXT: AnyArray = np.empty(0, dtype="S1")


def _single(value: AnyArray | None) -> str:
    """Text of an attribute of one element, '' of any other."""
    if value is None or value.size != 1:
        return ""
    first = value[0]
    if not isinstance(first, bytes):
        return _plain(str(first))
    try:
        return _plain(first.decode())
    except UnicodeDecodeError:
        # Every byte is a letter there, and the micro sign one that files hold.
        return _plain(first.decode("latin-1"))


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()[:_MAX_TEXT]


class RootGroup(_Item):
    """The datasets and attributes of a file's root group.

    Parameters
    ----------
    path : Path
        Named in errors.
    file : h5py.h5f.FileID
        Open; it must outlive this object.
    """

    def __init__(self, path: Path, file: h5f.FileID) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._variable: dict[str, str] | None = None
        super().__init__(self, "", h5o.open(file, b"/"))
        if not isinstance(self._id, h5py.h5g.GroupID):
            raise InputError(path, "damaged HDF5: its root is not a group")
        count = self._id.get_num_objs()
        if count > _MAX_ENTRIES:
            raise InputError(
                path, f"has {count} entries in its root group; at most {_MAX_ENTRIES} are read"
            )
        self._links: dict[bytes, int] = {}
        self._id.links.iterate(self._add_link, info=True)

    def _add_link(self, name: bytes, link: h5l.LinkInfo) -> None:
        self._links[name] = link.type

    def has(self, name: str) -> bool:
        """Whether there is an entry of this name, be it a link that leads nowhere."""
        return name.encode() in self._links

    def dataset(self, name: str, kinds: str = "iuf") -> Dataset:
        """Find a dataset and check it.

        Parameters
        ----------
        name : str
        kinds : str
            Letters of the numpy kinds that it may hold.

        Returns
        -------
        Dataset

        Raises
        ------
        InputError
            It is missing, or not fit to be read.
        """
        key = name.encode()
        if key not in self._links:
            raise InputError(self.path, f"dataset {name} is missing")
        if self._links[key] != h5l.TYPE_HARD:
            raise InputError(self.path, f"dataset {name} is a link out of the root group")
        try:
            found = h5d.open(self._id, key)
        except DAMAGE:
            other = h5o.open(self._id, key)
            if isinstance(other, h5d.DatasetID):
                raise
            what = "group" if isinstance(other, h5py.h5g.GroupID) else "type"
            raise InputError(self.path, f"{name} is a {what}, not a dataset") from None
        return Dataset(self, name, found, kinds)

    def variable_text(self, key: str) -> str:
        """Text of variable length of ``dataset@attribute``, or ''."""
        if self._variable is None:
            self._variable = variable_texts(self.path)
        return self._variable.get(key, "")
