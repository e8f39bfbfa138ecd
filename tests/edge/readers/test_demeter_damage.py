"""N1 files that lost bytes, that fail while they are read, or that are far too large."""

from __future__ import annotations

import errno
import io
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.readers.demeter import read_demeter
from edge.readers.demeter_file import max_records
from edge.readers.demeter_tables import APIDS
from edge.readers.names import parse_name
from edge.readers.opening import read_payload
from edge.readers.sniffing import RECORD_BYTES

EVERY_KIND = pytest.mark.parametrize("apid", [str(apid) for apid in range(1129, 1145)])
SECTOR = 512


def read(path: Path):
    return read_demeter(path, parse_name(path))


def seconds(payload) -> list[int]:
    """Rows that were read, as whole seconds since the first record of `make_demeter`."""
    since = payload.track.time - np.datetime64("2006-08-09T21:00:00.250")
    return (since // np.timedelta64(1, "s")).tolist()


# Faults of the machine.


@pytest.fixture
def reads(monkeypatch):
    """Answer every read of a file with what the test puts in place of `FileIO.readinto`."""

    def answer(readinto):
        def read(self, size):
            view = bytearray(size)
            got = self.readinto(memoryview(view))
            return got if got is None else bytes(view[:got])

        raw = type("Raw", (io.FileIO,), {"readinto": readinto, "read": read})
        monkeypatch.setattr(Path, "open", lambda path, *_, **__: raw(path))

    return answer


@pytest.mark.parametrize(
    "code", ["EIO", "EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOLCK", "ESTALE", "ETIMEDOUT"]
)
def test_a_fault_of_the_machine_is_not_the_file_s(make_demeter, reads, code):
    path = make_demeter(n=3)
    number = getattr(errno, code)

    def fail(*_):
        raise OSError(number, os.strerror(number))

    reads(fail)
    with pytest.raises(InputError, match=code) as caught:
        read(path)
    assert caught.value.transient


def test_a_read_that_must_be_tried_again_is_not_the_file_s(make_demeter, reads):
    path = make_demeter(n=3)
    # What `FileIO` makes of EAGAIN.
    reads(lambda *_: None)
    for look in (read, read_payload):
        with pytest.raises(InputError, match="EAGAIN") as caught:
            look(path)
        assert caught.value.transient


def test_a_read_that_gives_less_is_gone_on_with(make_demeter, reads):
    path = make_demeter(n=3)
    whole = read(path)
    reads(lambda self, view: io.FileIO.readinto(self, view[:100]))
    again = read(path)
    assert again.notes == ()
    np.testing.assert_array_equal(again.track.time, whole.track.time)


def test_a_file_that_is_cut_short_while_it_is_read_is_tried_again(make_demeter, reads):
    path = make_demeter(n=3)

    def shrink(self, view):
        os.truncate(path, 400)
        return io.FileIO.readinto(self, view)

    reads(shrink)
    with pytest.raises(InputError, match="expected 867 bytes, got 400") as caught:
        read(path)
    assert caught.value.transient


def test_want_of_memory_is_not_the_file_s(make_demeter, reads):
    def fail(*_):
        raise MemoryError

    path = make_demeter(n=3)
    reads(fail)
    with pytest.raises(MemoryError):
        read(path)


# Size.


@EVERY_KIND
def test_a_sparse_file_is_refused_before_anything_is_read(tmp_path, apid):
    path = tmp_path / f"DMT_N1_{apid}_112341_20060809_210000_20060809_220000.DAT"
    path.write_bytes(b"\x4c" + bytes(2 * RECORD_BYTES[apid] - 1))
    os.truncate(path, 2**30 // RECORD_BYTES[apid] * RECORD_BYTES[apid])
    tracemalloc.start()
    with pytest.raises(InputError, match="expected at most") as caught:
        read_payload(path)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
    assert not caught.value.transient


def test_the_times_of_the_name_bound_the_records(make_demeter, refused):
    path = make_demeter(n=3, filename="DMT_N1_1144_112341_20060809_210000_20060809_213000.DAT")
    os.truncate(path, 4801 * 289)
    refused(path, "expected at most 4800 records for the 1800 s of its name, got 4801")
    os.truncate(path, 4800 * 289)
    assert seconds(read_payload(path)) == [0, 1, 2]


def test_what_the_times_allow_is_bounded_too(tmp_path, refused):
    path = tmp_path / "DMT_N1_1131_112341_20060809_210000_20060809_221500.DAT"
    path.write_bytes(b"\x4c")
    os.truncate(path, 8200 * 33063)
    refused(path, "expected at most 268435456 bytes, got 271116600")


@EVERY_KIND
def test_a_half_orbit_of_the_quickest_mode_fits(apid):
    name = parse_name(f"DMT_N1_{apid}_112341_20060809_210000_20060809_214931.DAT")
    kind = APIDS[apid]
    assert max_records(name, kind) >= 2 * 2971 / min(kind.cadence, kind.min_step or kind.cadence)


@EVERY_KIND
def test_a_file_of_one_record_is_read(make_demeter, apid):
    path = make_demeter(
        apid, n=1, filename=f"DMT_N1_{apid}_112341_20060809_210001_20060809_210001.DAT"
    )
    payload = read_payload(path)
    assert payload.notes == ()
    assert np.isfinite(payload.track.latitude[0])
    if apid not in ("1132", "1134", "1137"):
        assert payload.track.time.size == 1
        assert payload.track.cadence == APIDS[apid].cadence


# Lost bytes.


def test_a_record_of_zeros_costs_itself(make_demeter):
    path = make_demeter(n=40)
    content = path.read_bytes()
    path.write_bytes(content[: 7 * 289] + bytes(2 * 289) + content[9 * 289 :])
    payload = read_payload(path)
    assert payload.notes == ("2 records without an N1 header, the first is record 7",)
    assert seconds(payload) == [*range(7), *range(9, 40)]


def test_a_record_that_is_cut_at_the_end_costs_itself(make_demeter):
    path = make_demeter(n=40)
    path.write_bytes(path.read_bytes()[:-1])
    payload = read_payload(path)
    assert payload.notes == ("288 bytes that are no whole record of 289 bytes: left out",)
    assert seconds(payload) == [*range(39)]


def test_a_record_that_is_cut_in_the_middle_costs_itself(make_demeter):
    path = make_demeter(n=40)
    content = path.read_bytes()
    path.write_bytes(content[: 7 * 289 + 100] + content[7 * 289 + 150 :])
    payload = read_payload(path)
    assert payload.notes == ("239 bytes that are no whole record of 289 bytes: left out",)
    assert seconds(payload) == [*range(7), *range(8, 40)]
    np.testing.assert_array_equal(
        payload.channels["Te"].values, 1800.0 + np.array(seconds(payload))
    )


def test_zeros_in_the_first_record_cost_it(make_demeter):
    path = make_demeter(n=40)
    path.write_bytes(bytes(SECTOR) + path.read_bytes()[SECTOR:])
    assert seconds(read_payload(path)) == [*range(2, 40)]


@pytest.mark.parametrize("apid", ["1132", "1134", "1137"])
@pytest.mark.parametrize("at", [318, 2000, 8510 - SECTOR])
def test_zeros_in_place_of_spectra_are_no_power(make_demeter, refused, apid, at):
    path = make_demeter(apid, n=10)
    content = path.read_bytes()
    start = 4 * 8510 + at
    path.write_bytes(content[:start] + bytes(SECTOR) + content[start + SECTOR :])
    payload = read_payload(path)
    assert payload.notes == ("1 record with zeros in place of spectra",)
    assert payload.track.time.size == 18
    whole = [content[k * 8510 :][:318] + bytes(8192) for k in range(10)]
    path.write_bytes(b"".join(whole))
    refused(path, "none of its 10 records has the format's block 4")


def test_a_few_zeros_are_values(make_demeter):
    some = (0.0,) * 99 + (1.0,) * 1949
    path = make_demeter("1132", n=3, edit=lambda _, values: values.update(spectra=some))
    payload = read_payload(path)
    assert payload.notes == ()
    assert payload.channels["spectra"].valid.all()


def test_zeros_alone_are_no_half_orbit(make_demeter, refused):
    path = make_demeter(n=5)
    path.write_bytes(bytes(5 * 289))
    refused(path, "none of its 5 records has an N1 header: expected first byte 0x4c, got 0x00")


def test_other_bytes_in_most_records_are_another_content(make_demeter, refused):
    path = make_demeter(n=5)
    content = bytearray(path.read_bytes())
    for row in (1, 2, 4):
        content[row * 289] = 0x4D
    path.write_bytes(content)
    refused(path, "name and content disagree: record 1 begins with 0x4d, expected 0x4c")
    content[2 * 289] = 0x4C
    path.write_bytes(content)
    assert seconds(read_payload(path)) == [0, 2, 3]


def test_a_unit_that_zeros_begin_in_is_no_other_unit(make_demeter):
    path = make_demeter(n=40)
    content = path.read_bytes()
    path.write_bytes(content[: 7 * 289 + 252] + bytes(SECTOR) + content[7 * 289 + 252 + SECTOR :])
    payload = read_payload(path)
    assert seconds(payload) == [*range(8), *range(10, 40)]
    assert np.flatnonzero(~payload.channels["Ne"].valid).tolist() == [7]


@pytest.fixture(scope="module")
def damaged(make_demeter):
    """Read 20 records after a change of their bytes; give those expected and those read."""
    files = {apid: make_demeter(apid, n=20) for apid in ("1132", "1140", "1144")}
    intact = {apid: (path.read_bytes(), _records(read(path))) for apid, path in files.items()}

    def damage(apid, at, length, put, hit_before):
        content, records = intact[apid]
        first = int(at * (len(content) - 1))
        last = min(first + length, len(content))
        files[apid].write_bytes(content[:first] + put * (last - first) + content[last:])
        size = RECORD_BYTES[apid]
        hit = range(first // size - hit_before, (last - 1) // size + 1)
        expected = {record for row, record in enumerate(records) if row not in hit}
        return expected, set(_records(read(files[apid]))), set(records)

    return damage


def _records(payload) -> list[tuple[np.datetime64, float]]:
    """Time and latitude of the rows whose position is the file's own."""
    there = np.isfinite(payload.track.latitude)
    return list(zip(payload.track.time[there], payload.track.latitude[there], strict=True))


KINDS = st.sampled_from(["1132", "1140", "1144"])


@given(apid=KINDS, at=st.floats(0, 1), sectors=st.integers(1, 4))
def test_zeros_anywhere_cost_the_records_that_they_are_in(damaged, apid, at, sectors):
    expected, found, every = damaged(apid, at, sectors * SECTOR, b"\0", 0)
    assert expected <= found <= every


@given(apid=KINDS, at=st.floats(0, 1), lost=st.integers(1, 1200))
def test_lost_bytes_cost_the_records_beside_them(damaged, apid, at, lost):
    # A whole number of records less cannot be told from a gap.
    lost += lost % RECORD_BYTES[apid] == 0
    expected, found, every = damaged(apid, at, lost, b"", 1)
    assert expected <= found <= every


# Records that come twice, and sensors that are stuck.


@pytest.mark.parametrize("apid", ["1132", "1137", "1139", "1140", "1143", "1144"])
def test_records_doubled_one_millisecond_apart_count_once(make_demeter, apid):
    path = make_demeter(apid, n=40)
    whole = read_payload(path, {"Ne": (), "n_O+": (), "spectra": ((500.0, 1200.0),)})
    size = RECORD_BYTES[apid]
    content = path.read_bytes()
    records = [bytearray(content[at : at + size]) for at in range(0, len(content), size)]
    for record in records.copy():
        late = bytearray(record)
        for field, at in ((">I", 4), (">h", 20)):
            struct.pack_into(field, late, at, struct.unpack_from(field, record, at)[0] + 1)
        records.append(late)
    ordered = sorted(records, key=lambda record: bytes(record[1:8]))
    path.write_bytes(b"".join(ordered))
    once = read_payload(path, {"Ne": (), "n_O+": (), "spectra": ((500.0, 1200.0),)})
    (note,) = once.notes
    assert note.startswith("40 records within ")
    assert once.track.cadence == whole.track.cadence
    np.testing.assert_array_equal(once.track.time, whole.track.time)
    for name, channel in whole.channels.items():
        np.testing.assert_array_equal(once.channels[name].values, channel.values)


@pytest.mark.parametrize(("apid", "channel"), [("1144", "Ne"), ("1143", "Te"), ("1140", "n_O+")])
def test_a_sensor_that_is_stuck_is_masked_and_named(make_demeter, apid, channel):
    def stick(row, values):
        if 10 <= row < 80:
            values[channel] = 8e3

    payload = read_payload(make_demeter(apid, n=100, edit=stick))
    assert payload.notes == (
        f"70 records with one value of {channel} for 60 s or more: stuck, masked",
    )
    valid = {name: channel.valid for name, channel in payload.channels.items()}
    assert np.flatnonzero(~valid[channel]).tolist() == [*range(10, 80)]
    assert all(v.all() for name, v in valid.items() if name != channel)


def test_spectra_that_are_stuck_are_masked_and_named(make_demeter):
    def stick(row, values):
        if row >= 10:
            values["spectra"] = (1.5,) * 2048

    bands = ((220.0, 500.0), (500.0, 1200.0))
    payload = read_payload(make_demeter("1132", n=30, edit=stick), {"spectra": bands})
    assert payload.notes == (
        "40 records with one value of spectra for 60 s or more: stuck, masked",
    )
    for channel in payload.channels.values():
        assert channel.valid.tolist() == [True] * 20 + [False] * 40


# The order of records, and the clock of the satellite.


def test_records_out_of_order_are_put_in_order(make_demeter):
    path = make_demeter(n=40)
    expected = read(path)
    raw, size = path.read_bytes(), RECORD_BYTES["1144"]
    records = [raw[at : at + size] for at in range(0, len(raw), size)]
    path.write_bytes(b"".join(records[20:] + records[:20]))
    found = read(path)
    np.testing.assert_array_equal(found.track.time, expected.track.time)
    np.testing.assert_array_equal(found.track.latitude, expected.track.latitude)
    np.testing.assert_array_equal(found.channels["Ne"].values, expected.channels["Ne"].values)
    assert "its records are out of order: put in order of time" in found.notes


def test_a_clock_set_back_costs_the_records_about_it(make_demeter):
    def step_back(row, values):
        if row >= 60:
            values["ccsds_ms"] -= 3000

    found = read(make_demeter(n=120, edit=step_back))
    assert 115 <= np.isfinite(found.track.latitude).sum() <= 118
    assert any("the clock was set back by 3.0 s" in note for note in found.notes)
