"""Reading GFZ's file of Kp and F10.7, and refusing what is not of its layout."""

from __future__ import annotations

import contextlib
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import geomagnetic
from edge.errors import InputError
from edge.geomagnetic import (
    KpFile,
    geomagnetic_activity,
    parse_geomagnetic,
    read_geomagnetic,
    to_thirds,
)

PATH = Path("Kp.txt")
HEADER = "# PURPOSE: Kp\n#\n#YYY MM DD  days  days_m\n"
# Two days as GFZ published them (CC BY 4.0, doi 10.5880/Kp.0001), without the sunspot number.
FIRST = (
    "2024 02 12 33645 33645.5 2598 13  1.667  2.000  2.000  0.333  0.333  0.000  0.000  0.333"
    "    6    7    7    2    2    0    0    2     3  -1    208.3    203.0 0\n"
)
SECOND = (
    "2024 02 13 33646 33646.5 2598 14  1.333  2.333  1.333  2.333  1.667  2.667 -1.000 -1.000"
    "    5    9    5    9    6   12   -1   -1    -1  -1     -1.0     -1.0 0\n"
)


NO_KP = "line 1: expected Kp 0 to 9 or -1 for missing"
NO_DATE = "line 1: expected a date of 1932 to 2099"


def parse(text: str):
    return parse_geomagnetic(text.encode(), PATH)


def test_values_days_and_missing_marks_are_read():
    found = parse(HEADER + FIRST + SECOND)
    assert found.day.tolist() == [
        np.datetime64("2024-02-12").item(),
        np.datetime64("2024-02-13").item(),
    ]
    assert found.kp[0, 0] == 5.0 / 3.0
    assert found.kp[0, 1] == 2.0
    assert np.isnan(found.kp[1, 6:]).all()
    assert found.f107[0] == 208.3
    assert np.isnan(found.f107[1])


@pytest.mark.parametrize(
    ("time", "kp"),
    [
        ("2024-02-12T00:00", 5 / 3),
        ("2024-02-12T02:59:59.999", 5 / 3),
        ("2024-02-12T03:00", 2.0),
        ("2024-02-13T17:59", 8 / 3),
        ("2024-02-13T18:00", np.nan),
        ("2024-02-11T23:59:59.999", np.nan),
        ("2024-02-14T00:00", np.nan),
        ("NaT", np.nan),
    ],
)
def test_an_interval_holds_its_start_and_not_its_end(time, kp):
    found = parse(HEADER + FIRST + SECOND).kp_at(np.array([time], "datetime64[ms]"))
    np.testing.assert_array_equal(found, [kp])


def test_days_that_are_left_out_are_unknown():
    third = SECOND.replace("2024 02 13 33646", "2024 02 15 33648")
    found = parse(FIRST + third)
    assert found.day.size == 4
    assert np.isnan(found.kp[1:3]).all()
    assert np.isnan(found.f107[1:3]).all()
    assert found.kp[3, 0] == 4.0 / 3.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no line of values"),
        (HEADER, "has no line of values"),
        (
            FIRST.replace("  1.667", "  9.333"),
            f"{NO_KP}, got 9.333",
        ),
        (
            FIRST.replace("  1.667", " -0.333"),
            f"{NO_KP}, got -0.333",
        ),
        (
            FIRST.replace("  1.667", "    nan"),
            f"{NO_KP}, got nan",
        ),
        (
            FIRST.replace("  1.667", "      x"),
            f"{NO_KP}, got x",
        ),
        (
            HEADER + FIRST.replace("208.3", "  3.3"),
            "line 4: expected F10.7 40 to 2000 or -1",
        ),
        (
            FIRST.replace("2024 02", "2024 13"),
            f"{NO_DATE}, got 2024-13-12",
        ),
        (
            FIRST.replace("2024 02", "1024 02"),
            f"{NO_DATE}, got 1024-02-12",
        ),
        (
            FIRST.replace("33645 ", "33644 "),
            "expected 33645 days from 1932 to 2024-02-12, got",
        ),
        (FIRST + FIRST, "line 2: expected a day after that of the line before, got 2024-02-12"),
        (SECOND + FIRST, "line 2: expected a day after that of the line before, got 2024-02-12"),
        (
            FIRST + SECOND.rsplit(" ", 1)[0],
            "line 2: expected the 28 columns of GFZ's Kp and F10.7 file, got 27, and its end is",
        ),
        (
            "time,latitude,longitude\n",
            "line 1: expected the 28 columns of GFZ's Kp and F10.7 file, got 1",
        ),
        ("K\u00f6", "byte 1 is not ASCII"),
    ],
)
def test_errors_name_line_value_and_range(text, message):
    with pytest.raises(InputError, match=r"^Kp\.txt: ") as caught:
        parse(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: No such file"):
        read_geomagnetic(tmp_path / "none.txt")


def test_a_file_is_read(tmp_path):
    path = tmp_path / "Kp.txt"
    path.write_text(HEADER + FIRST)
    assert read_geomagnetic(path).day.size == 1


@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_is_known_by_its_bytes(tmp_path, encoding, packed, end):
    content = (HEADER + FIRST + SECOND).replace("\n", end).encode(encoding)
    path = tmp_path / "Kp.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read_geomagnetic(path).day.size == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04", "got a ZIP archive"),
        (gzip.compress(FIRST.encode())[:-9], "damaged gzip"),
        ("# K\xf6ln\n".encode("latin-1"), "byte 3 is not ASCII"),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    path = tmp_path / "Kp.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^Kp\.txt: .*{message}"):
        read_geomagnetic(path)


def test_thirds_are_exact_and_other_values_stay():
    found = to_thirds(np.array([0.333, 0.667, 8.667, 2.5, 3.0, np.nan]))
    np.testing.assert_array_equal(found, [1 / 3, 2 / 3, 26 / 3, 2.5, 3.0, np.nan])


@given(st.data())
def test_damaged_files_are_refused_in_one_line_or_read(data):
    content = bytearray((HEADER + FIRST + SECOND).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        found = parse_geomagnetic(bytes(content), PATH)
        kp = found.kp[np.isfinite(found.kp)]
        assert ((kp >= 0.0) & (kp <= 9.0)).all()
        assert (np.diff(found.day) == np.timedelta64(1, "D")).all()


@given(st.binary(max_size=300))
def test_bytes_without_a_good_line_are_refused_in_one_line(content):
    with pytest.raises(InputError) as caught:
        parse_geomagnetic(content, PATH)
    assert str(caught.value).isprintable()


TIMES = np.array(["2024-02-12T05:00", "2024-02-13T05:00"], "datetime64[ms]")


def test_a_file_is_read_again_only_where_it_changed(tmp_path, monkeypatch):
    path = tmp_path / "Kp.txt"
    path.write_text(FIRST)
    reads, said = [], []
    monkeypatch.setattr(
        geomagnetic, "read_geomagnetic", lambda p: reads.append(p) or read_geomagnetic(p)
    )
    file = KpFile(path, said.append)
    for _ in range(3):
        np.testing.assert_array_equal(file.kp_at(TIMES), [2.0, np.nan])
    assert len(reads) == 1
    path.write_text(FIRST + SECOND)
    np.testing.assert_array_equal(file.kp_at(TIMES), [2.0, 7 / 3])
    # Of the same size, and changed.
    path.write_text((FIRST + SECOND).replace("2.333  1.333", "4.333  1.333"))
    os.utime(path, ns=(1, 1))
    np.testing.assert_array_equal(file.kp_at(TIMES), [2.0, 13 / 3])
    assert len(reads) == 3
    assert said == []


def test_what_is_known_no_more_is_unknown_and_said_once(tmp_path):
    path = tmp_path / "Kp.txt"
    said = []
    file = KpFile(path, said.append)
    for content, reason in (
        (None, "No such file or directory"),
        (FIRST, None),
        (FIRST + "cut", "line 2: expected the 28 columns"),
        (FIRST, None),
        (None, "No such file or directory"),
    ):
        said.clear()
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        for _ in range(2):
            known = np.isfinite(file.kp_at(TIMES))
            assert known.tolist() == [reason is None, False]
        assert len(said) == (reason is not None)
        assert all(s.startswith(f"Kp.txt: {reason}") for s in said)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_waited_for(make, tmp_path):
    make(tmp_path / "Kp.txt")
    said = []
    assert np.isnan(KpFile(tmp_path / "Kp.txt", said.append).kp_at(TIMES)).all()
    assert said == ["Kp.txt: expected a file; geomagnetic activity is unknown"]


def test_a_file_of_an_impossible_size_is_not_read(tmp_path):
    path = tmp_path / "Kp.txt"
    with path.open("wb") as stream:
        stream.truncate(10**10)
    said = []
    assert np.isnan(KpFile(path, said.append).kp_at(TIMES)).all()
    assert said[0].startswith("Kp.txt: expected at most 100000000 bytes, got 10000000000")


@given(st.none() | st.floats(0.0, 9.0))
def test_only_a_known_kp_of_at_most_three_is_quiet(kp):
    found = geomagnetic_activity(kp)
    assert (found == "unknown") == (kp is None)
    assert (found == "quiet") == (kp is not None and kp <= 3.0)
