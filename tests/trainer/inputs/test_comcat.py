"""Reading and refusing catalogues in the ComCat layout."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.common.errors import CatalogueError, TrainError
from trainer.inputs.catalogue import read_catalogue

HEADER = "time,latitude,longitude,depth,mag,magType,id,place\n"
GOOD = "2019-01-02T00:00:00.500Z,10.0,190.0,10.0,5.5,mww,us1,somewhere\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_are_cut_sorted_and_named(tmp_path: Path) -> None:
    rows = [
        GOOD,
        GOOD.replace("10.0,5.5", "10.0,6.5"),
        "2019-01-01T00:00:00.000Z,-5.0,20.0,40.0,5.0,mb,us0,edge of both cuts\n",
        "2019-01-03T00:00:00.000Z,-5.0,20.0,40.1,7.0,mb,us2,too deep\n",
        "2019-01-03T00:00:00.000Z,-5.0,20.0,10.0,4.9,mb,us3,too weak\n",
    ]
    found = read_catalogue(write(tmp_path, HEADER + "".join(rows)), 5.0, 40.0)
    assert found.id.tolist() == ["us0", "us1"]
    assert found.time[1] == np.datetime64("2019-01-02T00:00:00.500")
    assert found.longitude[1] == -170.0
    assert found.magnitude.tolist() == [5.0, 5.5]
    assert len(found.sha256) == 64


def test_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress((HEADER + GOOD).encode()))
    assert read_catalogue(path, 5.0, 40.0).size == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "events.csv: lacks the columns time, latitude"),
        (
            HEADER + GOOD.replace("10.0,190", "91.0,190"),
            "line 2: expected a latitude of -90 to 90, got 91.0",
        ),
        (HEADER + GOOD.replace("5.5", ""), "line 2: expected a magnitude of -2 to 10, got nothing"),
        (HEADER + GOOD.replace("5.5", "nan"), "line 2: expected a magnitude of -2 to 10, got nan"),
        (
            HEADER + GOOD.replace("2019-01-02T", "yesterday "),
            "line 2: expected a UTC time of 1900 to 2099, got yesterday",
        ),
        (HEADER + GOOD.replace("us1", " "), "line 2: expected an id, got nothing"),
        (HEADER + GOOD.replace("5.5", "4.5"), "none of 1 events has M >= 5"),
        (HEADER, "none of 0 events"),
        ("", "lacks the columns"),
        (HEADER + "2019-01-02T00:00:00Z,1.0\n", "line 2: expected 8 fields, got 2"),
        ("<html>", "not a readable QuakeML file"),
    ],
)
def test_errors_name_file_row_and_range(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=r"^events\.csv: ") as caught:
        read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="No such file"):
        read_catalogue(tmp_path / "none.csv", 5.0, 40.0)
    path = tmp_path / "events.csv.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(CatalogueError):
        read_catalogue(path, 5.0, 40.0)
    path.write_bytes(gzip.compress((HEADER + GOOD).encode())[:-12])
    with pytest.raises(CatalogueError, match="not a readable CSV or QuakeML file: damaged gzip"):
        read_catalogue(path, 5.0, 40.0)


# Each with the kind it is counted as. Anything else about these rows is in order.
BAD_ROWS = {
    GOOD.replace(",5.5,", ",,"): "without a magnitude",
    GOOD.replace(",5.5,", ",-9.99,"): "with an impossible magnitude",
    GOOD.replace(",10.0,5.5", ",,5.5"): "without a depth",
    GOOD.replace(",10.0,5.5", ",unknown,5.5"): "with an impossible depth",
    GOOD.replace("10.0,190.0", "10.0,"): "without an origin",
    GOOD.replace("10.0,190.0", "10.0,400.0"): "with an impossible longitude",
    GOOD.replace("2019-01-02T00:00:00.500Z", "2016-12-31T23:59:60Z"): "with an impossible time",
    GOOD.replace("2019-", "1811-"): "with an impossible time",
    GOOD.replace("2019-01-02T00:00:00.500Z", "now"): "with an impossible time",
    GOOD.replace("us1", ""): "without an id",
    GOOD.replace("somewhere", "south, somewhere"): "of another number of fields",
    GOOD.replace("somewhere", '"somewhere'): "of broken CSV",
    HEADER: "that repeat the header",
}


@pytest.mark.parametrize(("row", "kind"), BAD_ROWS.items())
def test_a_bad_row_costs_itself_and_is_named(tmp_path: Path, row: str, kind: str) -> None:
    good = [GOOD.replace("us1", f"us{i}") for i in range(2, 6)]
    path = write(tmp_path, HEADER + good[0] + row + "".join(good[1:]))
    found = read_catalogue(path, 5.0, 40.0)
    assert found.id.tolist() == ["us2", "us3", "us4", "us5"]
    assert found.dropped == {kind: 1}
    ((named,),) = found.named.values()
    assert named.startswith("line 3: ")
    counts, rows = found.tally()
    assert counts == f"events.csv: 4 events; left out 1: 1 {kind}"
    assert rows == f"events.csv: {named}"
    with pytest.raises(CatalogueError, match=r"events\.csv: 1 of 5 rows cannot be used; line 3: "):
        read_catalogue(path, 5.0, 40.0, strict=True)


def test_the_first_few_bad_rows_are_named(tmp_path: Path) -> None:
    bad = GOOD.replace(",5.5,", f",{'x' * 200}\x1b,").replace("us1", "us2")
    text = HEADER + GOOD + bad * 9
    found = read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert found.dropped == {"with an impossible magnitude": 9}
    named = found.named["with an impossible magnitude"]
    assert [row.split(":")[0] for row in named] == ["line 3", "line 4", "line 5"]
    assert all(line.isprintable() and len(line) < 400 for line in found.tally())


def test_a_row_that_a_cut_leaves_out_is_not_bad(tmp_path: Path) -> None:
    rows = (
        GOOD.replace("2019-", "1811-").replace("us1", "us2"),
        GOOD.replace(",10.0,5.5", ",,4.5").replace("us1", "us3"),
    )
    path = write(tmp_path, HEADER + GOOD + "".join(rows))
    first = np.datetime64("2018-01-01", "ms")
    found = read_catalogue(path, 5.0, 40.0, first, strict=True)
    assert found.dropped == {"before 2018-01-01T00:00:00.000": 1, "below M 5": 1}
    assert found.tally() == [
        "events.csv: 1 events; left out 2: 1 before 2018-01-01T00:00:00.000, 1 below M 5"
    ]


def test_the_good_one_of_two_rows_of_an_event_is_kept(tmp_path: Path) -> None:
    found = read_catalogue(write(tmp_path, HEADER + GOOD.replace("5.5", "") + GOOD), 5.0, 40.0)
    assert found.id.tolist() == ["us1"]


def test_joined_downloads_may_differ_in_their_columns(tmp_path: Path) -> None:
    other = "\ufeffid,mag,time,latitude,longitude,depth\nus2,6.0,2019-01-03T00:00:00Z,1,2,3\n"
    found = read_catalogue(write(tmp_path, HEADER + GOOD + other), 5.0, 40.0)
    assert found.id.tolist() == ["us1", "us2"]
    assert found.dropped == {"that repeat the header": 1}
    assert found.magnitude.tolist() == [5.5, 6.0]


def test_the_type_is_read_in_any_case(tmp_path: Path) -> None:
    header = HEADER.replace("place", "Type")
    kinds = ("Earthquake", " EARTHQUAKE ", "unknown", "Quarry_Blast", "quarry blast")
    rows = [GOOD.replace("us1", f"us{i}").replace("somewhere", k) for i, k in enumerate(kinds)]
    found = read_catalogue(write(tmp_path, header + "".join(rows)), 5.0, 40.0, strict=True)
    assert found.id.tolist() == ["us0", "us1", "us2"]
    assert found.dropped == {"not an earthquake": 2}
    assert found.named["not an earthquake"] == (
        "line 5: the type is quarry blast",
        "line 6: the type is quarry blast",
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_gzip_are_known_by_the_bytes(
    tmp_path: Path, encoding: str, packed: bool, end: str
) -> None:
    text = HEADER + GOOD.replace("somewhere", "Malm\xf6, S\xe3o Paulo".replace(",", " of")) * 2
    content = text.replace("\n", end).encode(encoding)
    path = tmp_path / "events.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_catalogue(path, 5.0, 40.0)
    assert found.id.tolist() == ["us1"]
    assert found.dropped == {"with an id that came before": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04" + bytes(30), "expected plain text or gzip, got a ZIP archive: unpack it"),
        (bz2.compress(b"time"), "got packed by bzip2"),
        (lzma.compress(b"time"), "got packed by xz"),
        (b"\xff\xfet\x00i", "'utf-16-le' codec can't decode"),
        (b"%PDF-1.4", "lacks the columns"),
    ],
)
def test_other_files_are_named_as_what_they_are(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match=r"^events\.csv: ") as caught:
        read_catalogue(path, 5.0, 40.0)
    assert message in str(caught.value)


def test_twenty_thousand_good_rows_outlive_thirteen_bad_ones(tmp_path: Path) -> None:
    good = [GOOD.replace("us1", f"us{i}") for i in range(20_000)]
    for i, bad in enumerate(BAD_ROWS):
        good.insert(1500 * i + 7, bad)
    found = read_catalogue(write(tmp_path, HEADER + "".join(good)), 5.0, 40.0)
    assert found.size == 20_000
    assert sum(found.dropped.values()) == len(BAD_ROWS)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    header = HEADER.replace("place\n", "type\n")
    row = "2019-01-02T00:00:00.500Z,10.0,20.0,{},{},mww,{},{}\n"
    text = header + "".join(
        row.format(*values)
        for values in (
            (10.0, 5.5, "us1", "earthquake"),
            (10.0, 5.5, "us2", "induced or triggered event"),
            (10.0, 5.5, "us3", ""),
            (0.0, 6.3, "us4", "nuclear explosion"),
            (10.0, 5.5, "us1", "earthquake"),
            (10.0, 5.5, "iscgem12", "earthquake"),
            (10.0, 4.9, "us5", "earthquake"),
            (40.5, 5.5, "us6", "earthquake"),
        )
    )
    found = read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert found.id.tolist() == ["us1", "us2", "us3"]
    assert found.dropped == {
        "below M 5": 1,
        "deeper than 40 km": 1,
        "not an earthquake": 1,
        "of the ISC-GEM supplement (iscgem...)": 1,
        "with an id that came before": 1,
    }


def test_the_span_of_time_has_both_its_ends(tmp_path: Path) -> None:
    rows = [
        GOOD.replace("2019-01-02", f"2019-01-{d:02d}").replace("us1", f"u{d}") for d in range(1, 6)
    ]
    path = write(tmp_path, HEADER + "".join(rows))
    first, last = (np.datetime64(f"2019-01-{d:02d}T00:00:00.500", "ms") for d in (2, 4))
    found = read_catalogue(path, 5.0, 40.0, first, last)
    assert found.id.tolist() == ["u2", "u3", "u4"]
    assert sum(found.dropped.values()) == 2
    with pytest.raises(CatalogueError, match=r"within the span of time; 5 after 2018"):
        read_catalogue(path, 5.0, 40.0, last=np.datetime64("2018-01-01", "ms"))


def test_events_are_picked_by_place(tmp_path: Path) -> None:
    rows = [
        GOOD.replace("2019-01-02", f"2019-01-{d:02d}").replace("us1", f"u{d}") for d in range(1, 6)
    ]
    found = read_catalogue(write(tmp_path, HEADER + "".join(rows)), 5.0, 40.0)
    picked = found.take(np.array([1, 3]))
    assert picked.id.tolist() == ["u2", "u4"]
    assert picked.size == 2
    assert picked.sha256 == found.sha256


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        path.write_bytes(content)
        with pytest.raises(CatalogueError) as caught:
            read_catalogue(path, 5.0, 40.0)
    assert str(caught.value).isprintable()


@given(st.data())
def test_damaged_rows_are_refused_in_one_line_or_read(data) -> None:
    content = bytearray((HEADER + GOOD).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        path.write_bytes(bytes(content))
        try:
            found = read_catalogue(path, 5.0, 40.0)
        except CatalogueError as error:
            message = str(error)
        else:
            for values in (found.latitude, found.longitude, found.depth, found.magnitude):
                assert np.isfinite(values).all()
            message = " ".join(found.tally())
    assert message.isprintable()


def test_real_catalogue(shared_data: Path) -> None:
    path = shared_data / "usgs_shallow40_m5_20040701-20231104.csv.gz"
    found = read_catalogue(path, 5.0, 40.0)
    assert found.size == 25_748
    assert found.dropped == {"of the ISC-GEM supplement (iscgem...)": 5}
    assert not found.named
    assert (np.diff(found.time) >= np.timedelta64(0, "ms")).all()
    assert found.depth.max() <= 40.0


@pytest.mark.parametrize(
    ("magnitude", "depth", "message"),
    [
        (float("nan"), 40.0, "expected a minimum magnitude of -2 to 10, got nan"),
        (5.0, float("nan"), "expected a maximum depth of -10 to 800, got nan"),
        (5.0, float("inf"), "expected a maximum depth of -10 to 800, got inf"),
    ],
)
def test_cuts_that_cut_nothing_are_refused(
    tmp_path: Path, magnitude: float, depth: float, message: str
) -> None:
    with pytest.raises(TrainError, match=message):
        read_catalogue(tmp_path / "none.csv", magnitude, depth)
