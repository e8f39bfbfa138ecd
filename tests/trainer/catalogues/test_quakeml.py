"""Catalogues in QuakeML: which origin, which magnitude, and what is left out."""

from __future__ import annotations

import gzip
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from trainer.catalogues.catalogue import read_catalogue
from trainer.errors import CatalogueError

USGS = "quakeml:earthquake.usgs.gov/fdsnws/event/1/query?eventid={}&amp;format=quakeml"


def origin(name: str, time: str, latitude: float, longitude: float, depth: str = "10000.0") -> str:
    depth = f"<depth><value>{depth}</value></depth>" if depth else ""
    return (
        f'<origin publicID="quakeml:x/{name}"><time><value>{time}</value></time>'
        f"<latitude><value>{latitude}</value></latitude>"
        f"<longitude><value>{longitude}</value></longitude>{depth}</origin>"
    )


def magnitude(name: str, value: float) -> str:
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


@pytest.fixture(scope="module", autouse=True)
def _obspy() -> None:
    with warnings.catch_warnings():
        # ObsPy 1.5 calls what Python 3.11 deprecates.
        warnings.simplefilter("ignore")
        pytest.importorskip("obspy")


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
        warnings.simplefilter("ignore")
        import obspy
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
            "event 1 (1): latitude is 91.0; valid is -90 to 90",
        ),
        (
            quakeml(event("x/1", origin("a", "1019-01-01T00:00:00Z", 1, 2), magnitude("b", 5.5))),
            "event 1 (1): time is 1019-01-01T00:00:00.000000Z; valid is a UTC time",
        ),
        (
            quakeml(event("x/1", origin("a", "2019-01-01T00:00:00Z", 1, 2), magnitude("b", 15))),
            "event 1 (1): mag is 15.0; valid is -2 to 10",
        ),
        (
            quakeml(
                event(
                    "x/1",
                    origin("a", "2019-01-01T00:00:00Z", 1, 2, "900000"),
                    magnitude("b", 5),
                )
            ),
            "event 1 (1): depth is 900.0; valid is -10 to 800",
        ),
    ],
)
def test_errors_are_one_line_with_value_and_range(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=r"^events\.xml: ") as caught:
        read_catalogue(write(tmp_path, text), 5.0, 40.0)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_without_obspy_the_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "obspy", None)
    with pytest.raises(CatalogueError, match="add the extra `quakeml`"):
        read_catalogue(write(tmp_path, quakeml()), 5.0, 40.0)


def test_a_broken_file_is_called_by_its_name(tmp_path: Path) -> None:
    pytest.importorskip("obspy")
    path = tmp_path / "broken.xml"
    path.write_text("<?xml version='1.0'?><other/>", encoding="utf-8")
    with pytest.raises(
        CatalogueError, match=r"^broken\.xml: not a readable QuakeML file"
    ) as caught:
        read_catalogue(path, 5.0, 40.0)
    assert "BytesIO" not in str(caught.value)
