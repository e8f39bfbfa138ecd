"""HDF5 files made to mislead: each is refused in one line before it costs memory or time."""

from __future__ import annotations

import zlib

import h5py
import numpy as np
import pytest

from edge.errors import UnsupportedPayload
from edge.readers import parse_name, read_payload


def with_dataset(path, name, **arguments):
    """Put a dataset in the place of another."""
    with h5py.File(path, "a") as file:
        file.pop(name, None)
        file.create_dataset(name, **arguments)
    return path


@pytest.fixture
def lap(make_cses):
    return make_cses("LAP_1")


def test_a_huge_declared_shape_is_refused(make_cses, refused):
    path = with_dataset(
        make_cses("EFD_2"), "A121_W", shape=(40, 2**33), chunks=(1, 1024), dtype="f8"
    )
    refused(path, "dataset A121_W declares shape (40, 8589934592)", "at most 512 MiB are read")


def test_a_shape_that_nothing_is_stored_of_is_refused(make_cses, refused):
    path = with_dataset(make_cses("SCM_1"), "A231_W", shape=(40, 8192), dtype="f8")
    refused(path, "dataset A231_W declares 2621440 bytes and stores 0")


def test_a_dataset_that_is_packed_too_well_is_refused(make_cses, refused):
    path = with_dataset(
        make_cses("SCM_1"),
        "A231_W",
        data=np.zeros((40, 8192)),
        compression="gzip",
        chunks=(8, 8192),
    )
    refused(path, "dataset A231_W declares 2621440 bytes and stores", "at most 200 times")


def test_a_chunk_that_unpacks_to_more_than_it_declares_is_refused(make_cses, refused):
    path = with_dataset(
        make_cses("LAP_1"), "A311", shape=(40, 1), dtype="f8", chunks=(40, 1), compression="gzip"
    )
    with h5py.File(path, "a") as file:
        file["A311"].id.write_direct_chunk((0, 0), zlib.compress(bytes(10**6), 9))
    refused(path, "has a chunk", "320 bytes")


def test_a_small_bomb_in_a_chunk_is_refused(make_cses, refused):
    path = with_dataset(
        make_cses("LAP_1"), "A311", shape=(40, 1), dtype="f8", chunks=(40, 1), compression="gzip"
    )
    with h5py.File(path, "a") as file:
        file["A311"].id.write_direct_chunk((0, 0), zlib.compress(bytes(3 * 10**6), 9))
    refused(path, "has a chunk at (0, 0) that unpacks to more than 320 bytes")


def test_a_stored_chunk_longer_than_its_content_is_refused(make_cses, refused):
    path = with_dataset(
        make_cses("LAP_1"), "A311", shape=(40, 1), dtype="f8", chunks=(40, 1), compression="gzip"
    )
    noise = np.random.default_rng(0).bytes(100_000)
    with h5py.File(path, "a") as file:
        file["A311"].id.write_direct_chunk((0, 0), zlib.compress(noise))
    refused(path, "has a chunk of 100041 bytes at (0, 0), more than 320")


@pytest.mark.parametrize("chunks", [(1, 2**22), (40, 2**20), (300, 16384)])
def test_chunks_over_16_mib_are_refused(make_cses, refused, chunks):
    shape = (40, 2048) if chunks[0] < 300 else (40, 163_840)
    path = with_dataset(
        make_cses("EFD_2"), "A121_W", shape=shape, maxshape=(None, None), chunks=chunks, dtype="f8"
    )
    refused(path, "dataset A121_W has chunks", "over 16 MiB")


@pytest.mark.parametrize(
    "packing",
    [
        {"compression": "gzip"},
        {"compression": "lzf"},
        {"shuffle": True},
        {"fletcher32": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf", "shuffle": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("chunks", [(7, 1), (40, 1), (16, 1)])
def test_packed_datasets_are_read_as_plain_ones(make_cses, packing, chunks):
    whole = read_payload(make_cses("LAP_1")).channels["A311"].values
    path = with_dataset(
        make_cses("LAP_1"), "A311", data=whole.reshape(-1, 1), chunks=chunks, **packing
    )
    np.testing.assert_array_equal(read_payload(path).channels["A311"].values, whole)


@pytest.mark.parametrize("chunks", [(3, 100), (64, 1024), (40, 7)])
def test_packed_spectra_are_read_block_by_block_as_plain_ones(make_cses, chunks):
    raw = np.random.default_rng(0).uniform(1.0, 2.0, (600, 1024))
    request = {"A121_P": ((40.0, 100.0), (500.0, 1200.0))}
    plain = read_payload(make_cses("EFD_2", n=600, A121_P=raw), request)
    path = make_cses("EFD_2", n=600)
    with_dataset(path, "A121_P", data=raw, chunks=chunks, compression="gzip", shuffle=True)
    with h5py.File(path, "a") as file:
        file["A121_P"].attrs["units"] = "mV/m/Hz^0.5"
    packed = read_payload(path, request)
    for name, channel in plain.channels.items():
        np.testing.assert_array_equal(packed.channels[name].values, channel.values)


def test_filters_that_need_a_plugin_are_refused(lap, refused):
    with h5py.File(lap, "a") as file:
        del file["A311"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((40, 1))
        plist.set_filter(32_015, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((40, 1))
        h5py.h5d.create(file.id, b"A311", h5py.h5t.IEEE_F64LE, space, plist)
    refused(lap, "dataset A311 is packed by HDF5 filter 32015; known are gzip, lzf, shuffle")


@pytest.mark.parametrize("packing", [{"scaleoffset": 2}, {"compression": "szip"}], ids=str)
def test_other_built_in_filters_are_refused(lap, refused, packing):
    if packing.get("compression") == "szip":
        with h5py.File(lap, "a") as file:
            del file["A311"]
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((40, 1))
            plist.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL, ())
            space = h5py.h5s.create_simple((40, 1))
            h5py.h5d.create(file.id, b"A311", h5py.h5t.IEEE_F64LE, space, plist)
    else:
        with_dataset(lap, "A311", data=np.ones((40, 1)), chunks=(40, 1), **packing)
    refused(lap, "dataset A311 is packed by HDF5 filter")


def test_gzip_twice_is_refused(lap, refused):
    with h5py.File(lap, "a") as file:
        del file["A311"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((40, 1))
        plist.set_deflate(9)
        plist.set_filter(h5py.h5z.FILTER_DEFLATE, h5py.h5z.FLAG_OPTIONAL, (9,))
        space = h5py.h5s.create_simple((40, 1))
        h5py.h5d.create(file.id, b"A311", h5py.h5t.IEEE_F64LE, space, plist)
    refused(lap, "dataset A311 is packed by HDF5 filters [1, 1], in an unknown order")


# Types.


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": np.ones((40, 1), dtype=[("a", "f8")])},
        {"data": np.array([["x"]] * 40, dtype=object), "dtype": h5py.string_dtype()},
        {"data": np.array([[b"x"]] * 40)},
        {"data": np.ones((40, 1), dtype=bool)},
        {"data": np.zeros((40, 1), dtype="V8")},
        {"shape": (40, 1), "dtype": h5py.vlen_dtype(np.float64)},
        {"shape": (40, 1), "dtype": h5py.ref_dtype},
        {"shape": (40, 1), "dtype": h5py.regionref_dtype},
        {"data": np.ones((40, 1), dtype=complex)},
        {"shape": (40, 1), "dtype": np.dtype(("f8", (3,)))},
    ],
    ids=["compound", "vlen text", "text", "bool", "opaque", "vlen", "reference", "region",
         "complex", "array"],
)  # fmt: skip
def test_what_is_no_number_is_refused(lap, refused, arguments):
    refused(with_dataset(lap, "A311", **arguments), "dataset A311 has type", "not a number")


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", ">f8", "g", "u1", ">i2", "i8", "u8"])
def test_numbers_of_every_kind_are_read(lap, dtype):
    values = np.arange(1, 41).astype(dtype)
    path = with_dataset(lap, "UF", data=values.reshape(-1, 1))
    np.testing.assert_array_equal(read_payload(path).channels["UF"].values, np.arange(1.0, 41.0))


def test_a_named_type_in_place_of_a_dataset_is_refused(make_cses, refused):
    path = make_cses(A311=None)
    with h5py.File(path, "a") as file:
        file["A311"] = np.dtype("f8")
    refused(path, "A311 is a type, not a dataset")


def test_a_group_that_holds_itself_is_refused_and_otherwise_not_looked_at(make_cses, refused):
    path = make_cses(A311=None)
    with h5py.File(path, "a") as file:
        group = file.create_group("A311")
        group["again"] = group
        file["loop"] = file["/"]
    refused(path, "A311 is a group, not a dataset")
    path = make_cses()
    with h5py.File(path, "a") as file:
        file["loop"] = file["/"]
    assert read_payload(path).track.time.size == 40


def test_soft_links_that_go_round_are_not_followed(make_cses, refused):
    path = make_cses(A311=None)
    with h5py.File(path, "a") as file:
        file["A311"] = h5py.SoftLink("/other")
        file["other"] = h5py.SoftLink("/A311")
    refused(path, "dataset A311 is a link out of the root group")


# Attributes.


@pytest.mark.parametrize(
    "value",
    [
        np.ones(5000),
        np.array([h5py.h5r.Reference()] * 2, dtype=h5py.ref_dtype),
        np.array([(1.0, 2.0)], dtype=[("a", "f8"), ("b", "f8")]),
        np.zeros(3, dtype=bool),
    ],
    ids=["long", "reference", "compound", "bool"],
)
@pytest.mark.parametrize("key", ["units", "FillValue", "ValidRange"])
def test_attributes_of_no_use_say_nothing(lap, key, value):
    with h5py.File(lap, "a") as file:
        file["UF"].attrs[key] = value
    channel = read_payload(lap).channels["UF"]
    assert channel.unit == "V"
    assert channel.valid.all()


def test_more_attributes_than_any_file_has_are_refused(lap, refused):
    with h5py.File(lap, "a") as file:
        for k in range(201):
            file["A311"].attrs[f"key {k}"] = k
    refused(lap, "dataset A311 has 2", "attributes; at most 200 are read")


def test_more_entries_than_any_file_has_are_refused(lap, refused):
    with h5py.File(lap, "a") as file:
        for k in range(1001):
            file[f"other {k}"] = h5py.SoftLink("/A311")
    refused(lap, "has 10", "entries in its root group; at most 1000 are read")


# Names.


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        ("EFD_4", "EFD_4 (HF)"),
        ("HPM_1", "HPM_1 (FGM 1 at full rate)"),
        ("HPM_3", "HPM_3 (CDSM at full rate)"),
        ("HEP_1", "HEP_1 (particles)"),
        ("HEP_4", "HEP_4 (particles)"),
        ("GRO_0", "GRO_0 (GNSS occultation)"),
        ("TBB_0", "TBB_0 (tri-band beacon)"),
    ],
)
def test_payloads_of_unknown_layout_are_refused_by_name(payload, what):
    name = f"CSES_01_{payload}_L02_A1_096791_20191101_001933_20191101_005555_000.h5"
    with pytest.raises(UnsupportedPayload) as caught:
        parse_name(name)
    assert f"{what}: its layout is not known; readable are EFD_1, EFD_2" in str(caught.value)
    assert caught.value.exit_code == 2
