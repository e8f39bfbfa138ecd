"""Catalogues in QuakeML: which origin, which magnitude, and what is left out."""

from __future__ import annotations

import gzip
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.common.errors import CatalogueError
from trainer.inputs.catalogue import read_catalogue

USGS = "quakeml:earthquake.usgs.gov/fdsnws/event/1/query?eventid={}&amp;format=quakeml"


def origin(name: str, time: str, latitude: float, longitude: float, depth: str = "10000.0") -> str:
    depth = f"<depth><value>{depth}</value></depth>" if depth else ""
    return (
        f'<origin publicID="quakeml:x/{name}"><time><value>{time}</value></time>'
        f"<latitude><value>{latitude}</value></latitude>"
        f"<longitude><value>{longitude}</value></longitude>{depth}</origin>"
    )


def magnitude(name: str, value: float | str) -> str:
    return f'<magnitude publicID="quakeml:x/{name}"><mag><value>{value}</value></mag></magnitude>'


def event(public: str, *parts: str, prefers: tuple[str, str] | None = None, kind: str = "") -> str:
    chosen = ""
    if prefers:
        chosen = (
            f"<preferredOriginID>quakeml:x/{prefers[0]}</preferredOriginID>"
            f"<preferredMagnitudeID>quakeml:x/{prefers[1]}</preferredMagnitudeID>"
        )
    kind = f"<type>{kind}</type>" if kind else ""
    return f'<event publicID="{public}">{"".join(parts)}{chosen}{kind}</event>'


def quakeml(*events: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" '
        'xmlns:q="http://quakeml.org/xmlns/quakeml/1.2">'
        f'<eventParameters publicID="quakeml:x/all">{"".join(events)}</eventParameters></q:quakeml>'
    )


def write(folder: Path, text: str) -> Path:
    path = folder / "events.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_preferred_origin_and_magnitude_count(tmp_path: Path) -> None:
    text = quakeml(
        event(
            USGS.format("us2"),
            origin("a", "2019-01-02T00:00:00.500Z", 1.0, 190.0, "33500"),
            origin("b", "2019-01-02T00:00:02.499900Z", 2.0, 190.0, "20000"),
            magnitude("c", 5.5),
            magnitude("d", 6.5),
            prefers=("b", "d"),
            kind="earthquake",
        ),
        event(
            "smi:local/catalogue/first",
            origin("e", "2019-01-01T00:00:00Z", -5.0, 20.0, "33500"),
            magnitude("f", 5.1),
            magnitude("g", 7.1),
        ),
    )
    found = read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert found.id.tolist() == ["first", "us2"]
    assert found.time.tolist() == [
        np.datetime64("2019-01-01T00:00:00.000", "ms").item(),
        np.datetime64("2019-01-02T00:00:02.499", "ms").item(),
    ]
    assert found.latitude.tolist() == [-5.0, 2.0]
    assert found.longitude.tolist() == [20.0, -170.0]
    assert found.depth.tolist() == [33.5, 20.0]
    assert found.magnitude.tolist() == [5.1, 6.5]
    assert found.dropped == {}


def test_what_cannot_be_judged_is_left_out_and_counted(tmp_path: Path) -> None:
    here = ("2019-01-01T00:00:00Z", 1.0, 2.0)
    text = quakeml(
        event(USGS.format("us1"), origin("a", *here), magnitude("b", 5.5)),
        event(USGS.format("us1"), origin("a1", *here), magnitude("b1", 5.5)),
        event(USGS.format("us2"), origin("c", *here, depth=""), magnitude("d", 5.5)),
        event(USGS.format("us3"), origin("e", *here)),
        event(USGS.format("us4"), magnitude("f", 5.5)),
        event(USGS.format("us5"), origin("g", *here), magnitude("h", 5.5), kind="explosion"),
        event(USGS.format("iscgem6"), origin("i", *here), magnitude("j", 5.5)),
        event(USGS.format("us7"), origin("k", *here, depth="41000"), magnitude("l", 5.5)),
        event(USGS.format("us8"), origin("m", *here), magnitude("n", 4.9)),
        event(USGS.format("us9"), origin("o", "2018-01-01T00:00:00Z", 1, 2), magnitude("p", 5.5)),
        event(USGS.format("us10"), origin("q", "2020-01-01T00:00:00Z", 1, 2), magnitude("r", 5.5)),
    )
    span = np.datetime64("2019-01-01", "ms"), np.datetime64("2019-01-01", "ms")
    found = read_catalogue(write(tmp_path, text), 5.0, 40.0, *span)
    assert found.id.tolist() == ["us1"]
    assert found.dropped == {
        "after 2019-01-01T00:00:00.000": 1,
        "before 2019-01-01T00:00:00.000": 1,
        "below M 5": 1,
        "deeper than 40 km": 1,
        "not an earthquake": 1,
        "of the ISC-GEM supplement (iscgem...)": 1,
        "with an id that came before": 1,
        "without a depth": 1,
        "without a magnitude": 1,
        "without an origin": 1,
    }


def test_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.quakeml.gz"
    here = origin("a", "2019-01-01T00:00:00Z", 1.0, 2.0)
    path.write_bytes(gzip.compress(quakeml(event("x/1", here, magnitude("b", 5.5))).encode()))
    assert read_catalogue(path, 5.0, 40.0).size == 1


def test_a_file_that_obspy_wrote(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # ObsPy 1.5 calls what Python 3.11 deprecates.
        warnings.simplefilter("ignore")
        obspy = pytest.importorskip("obspy")
        from obspy.core import event as obs

        rng = np.random.default_rng(2)
        start = obspy.UTCDateTime(2015, 1, 1)
        made = []
        for i in range(30):
            place = obs.Origin(
                time=start + 86_400.0 * i + 0.25,
                latitude=float(rng.uniform(-80, 80)),
                longitude=float(rng.uniform(-180, 180)),
                depth=float(rng.uniform(0, 39_000)),
            )
            size = obs.Magnitude(mag=float(np.round(rng.uniform(5, 7), 1)))
            name = obs.ResourceIdentifier(f"smi:local/event/e{i:02d}")
            one = obs.Event(resource_id=name, origins=[place], magnitudes=[size])
            one.preferred_origin_id = place.resource_id
            made.append(one)
        path = tmp_path / "events.xml"
        obs.Catalog(made).write(str(path), format="QUAKEML")
    found = read_catalogue(path, 5.0, 40.0)
    assert found.id.tolist() == [f"e{i:02d}" for i in range(30)]
    assert found.latitude.tolist() == [e.origins[0].latitude for e in made]
    np.testing.assert_allclose(found.depth, [e.origins[0].depth / 1000.0 for e in made])
    assert found.magnitude.tolist() == [e.magnitudes[0].mag for e in made]
    since = found.time - np.datetime64("2015-01-01T00:00:00.250", "ms")
    assert (since == np.arange(30) * np.timedelta64(1, "D")).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<q:quakeml", "not a readable QuakeML file"),
        ("<html><body/></html>", "not a readable QuakeML file"),
        (quakeml(), "none of 0 events"),
        (
            quakeml(event("x/1", origin("a", "2019-01-01T00:00:00Z", 91, 2), magnitude("b", 5.5))),
            "event 1 (1): expected a latitude of -90 to 90, got 91",
        ),
        (
            quakeml(event("x/1", origin("a", "1019-01-01T00:00:00Z", 1, 2), magnitude("b", 5.5))),
            "event 1 (1): expected a UTC time of 1900 to 2099, got 1019-01-01T00:00:00Z",
        ),
        (
            quakeml(event("x/1", origin("a", "2019-01-01T00:00:00Z", 1, 2), magnitude("b", 15))),
            "event 1 (1): expected a magnitude of -2 to 10, got 15",
        ),
        (
            quakeml(
                event(
                    "x/1",
                    origin("a", "2019-01-01T00:00:00Z", 1, 2, "900000"),
                    magnitude("b", 5),
                )
            ),
            "event 1 (1): expected a depth of -10 to 800, got 900.0",
        ),
    ],
)
def test_errors_are_one_line_with_value_and_range(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=r"^events\.xml: ") as caught:
        read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_no_event_vanishes_for_its_type(tmp_path: Path) -> None:
    here = ("2019-01-01T00:00:00Z", 1.0, 2.0)
    kinds = {
        "us1": "unknown",
        "us2": "blast",
        "us3": "Earthquake",
        "us4": "induced_or_triggered_event",
        "us5": "not reported",
        "us6": "quarry blast",
        "us7": "outside of network interest",
    }
    text = quakeml(
        *(
            event(USGS.format(key), origin(key, *here), magnitude(f"m{key}", 7.8), kind=kind)
            for key, kind in kinds.items()
        )
    )
    found = read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert found.id.tolist() == ["us1", "us3", "us4", "us5"]
    assert found.dropped == {"not an earthquake": 3}
    assert found.named["not an earthquake"] == (
        "event 2 (us2): the type is blast",
        "event 6 (us6): the type is quarry blast",
        "event 7 (us7): the type is outside of network interest",
    )


def test_a_bad_event_costs_itself_as_a_bad_row_of_a_csv_file_does(tmp_path: Path) -> None:
    here = ("2019-01-01T00:00:00Z", 1.0, 2.0)
    leap = ("2016-12-31T23:59:60Z", 1.0, 2.0)
    text = quakeml(
        event("x/1", origin("a", *here), magnitude("b", 5.5)),
        event("x/2", origin("c", *here), magnitude("d", -9.99)),
        event("x/3", origin("e", *here), magnitude("f", "strong")),
        event("x/4", origin("g", *leap), magnitude("h", 5.5)),
        event("x/5", origin("i", *here, depth="deep"), magnitude("j", 5.5)),
        event("", origin("k", *here), magnitude("l", 5.5)),
    )
    path = write(tmp_path, text)
    found = read_catalogue(path, 5.0, 40.0)
    assert found.id.tolist() == ["1"]
    assert found.dropped == {
        "with an impossible depth": 1,
        "with an impossible magnitude": 2,
        "with an impossible time": 1,
        "without an id": 1,
    }
    with pytest.raises(CatalogueError, match=r"5 of 6 rows cannot be used; event 2 \(2\): "):
        read_catalogue(path, 5.0, 40.0, strict=True)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16", "UTF-8"),
        ("latin-1", "ISO-8859-1"),
        ("latin-1", "UTF-8"),
    ],
)
def test_encodings_are_known_by_the_bytes(tmp_path: Path, encoding: str, said: str) -> None:
    description = "<description><text>Malm\xf6</text></description>"
    here = origin("a", "2019-01-01T00:00:00Z", 1.0, 2.0)
    text = quakeml(event("x/1", description, here, magnitude("b", 5.5))).replace("UTF-8", said)
    path = tmp_path / "events"
    path.write_bytes(text.encode(encoding))
    assert read_catalogue(path, 5.0, 40.0).id.tolist() == ["1"]


@given(st.data())
def test_damaged_files_are_refused_in_one_line_or_read(data) -> None:
    here = origin("a", "2019-01-01T00:00:00Z", 1.0, 2.0)
    content = bytearray(quakeml(event("x/1", here, magnitude("b", 5.5), kind="unknown")).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.xml"
        path.write_bytes(bytes(content))
        try:
            lines = read_catalogue(path, 5.0, 40.0).tally()
        except CatalogueError as error:
            lines = [str(error)]
    assert all(line.isprintable() for line in lines)


def test_a_broken_file_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("<?xml version='1.0'?><other/>", encoding="utf-8")
    with pytest.raises(
        CatalogueError, match=r"^broken\.xml: not a readable QuakeML file"
    ) as caught:
        read_catalogue(path, 5.0, 40.0)
    assert "BytesIO" not in str(caught.value)
