"""Reading and refusing catalogues in the ComCat layout."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.catalogues.catalogue import read_catalogue
from trainer.errors import CatalogueError, TrainError

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
        (HEADER + GOOD.replace("10.0,190", "91.0,190"), "row 2: latitude is 91.0; valid is -90"),
        (HEADER + GOOD.replace("5.5", ""), "row 2: mag is empty; valid is -2 to 10"),
        (HEADER + GOOD.replace("5.5", "nan"), "row 2: mag is nan"),
        (HEADER + GOOD + GOOD.replace("2019-01-02T", "yesterday "), "row 3: time is yesterday"),
        (HEADER + GOOD.replace("us1", " "), "row 2: the id is empty"),
        (HEADER + GOOD.replace("5.5", "4.5"), "none of 1 events has M >= 5"),
        (HEADER, "none of 0 events"),
        ("", "lacks the columns"),
        (HEADER + "2019-01-02T00:00:00Z,1.0\n", "row 2: longitude is empty"),
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
    with pytest.raises(CatalogueError, match="not a readable CSV"):
        read_catalogue(path, 5.0, 40.0)


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
            message = ""
            assert np.isfinite(found.latitude).all()
    assert message.isprintable()


def test_real_catalogue(shared_data: Path) -> None:
    path = shared_data / "usgs_shallow40_m5_20040701-20231104.csv.gz"
    found = read_catalogue(path, 5.0, 40.0)
    assert found.size == 25_748
    assert found.dropped == {"of the ISC-GEM supplement (iscgem...)": 5}
    assert (np.diff(found.time) >= np.timedelta64(0, "ms")).all()
    assert found.depth.max() <= 40.0


@pytest.mark.parametrize(
    ("magnitude", "depth", "message"),
    [
        (float("nan"), 40.0, "least magnitude is nan; valid is -2 to 10"),
        (5.0, float("nan"), "largest depth is nan; valid is -10 to 800"),
        (5.0, float("inf"), "largest depth is inf; valid is -10 to 800"),
    ],
)
def test_cuts_that_cut_nothing_are_refused(
    tmp_path: Path, magnitude: float, depth: float, message: str
) -> None:
    with pytest.raises(TrainError, match=message):
        read_catalogue(tmp_path / "none.csv", magnitude, depth)
