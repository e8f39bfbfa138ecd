"""Pictures of payload files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from matplotlib.image import imread

from commands import edge_score
from edge.readers import Channel, Track, read_payload
from edge.show import plot as plotting


def check_picture(path: Path, panels: int) -> None:
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"tIME" not in content
    assert b"tEXt" not in content
    width, height = struct.unpack(">II", content[16:24])
    assert width == 1100
    assert height > 600 + panels * 150
    pixels = imread(path)[..., :3]
    # Ink in the map and in every panel, and paper around it.
    assert 0.5 < float((pixels.min(axis=2) > 0.95).mean()) < 0.99
    bands = np.array_split(pixels, panels + 2)
    assert all(float((band.max(axis=2) < 0.9).mean()) > 0.001 for band in bands)


def drawn(path: Path) -> Figure:
    return plotting._draw(Figure(), read_payload(path))


def test_real_file(real_hpm: Path, tmp_path: Path) -> None:
    done = edge_score("plot", real_hpm, "--out", tmp_path / "new.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'new.png'}\n"
    assert [p.name for p in tmp_path.iterdir()] == ["new.png"]
    check_picture(tmp_path / "new.png", 11)


def test_real_file_says_what_it_shows(real_hpm: Path) -> None:
    figure = drawn(real_hpm)
    texts = [t.get_text() for t in figure.texts]
    assert texts[0] == "CSES-01 HPM_5, half-orbit CSES_096791 (ascending, night)"
    assert texts[1].startswith("2019-11-01T00:21:08Z to 2019-11-01T00:55:46Z, 2079 records")
    panel = figure.axes[1]
    assert panel.get_title(loc="left") == "B_FGM: magnetic field vector"
    assert panel.get_title(loc="right") == "51 of 6237 values not valid"
    assert panel.get_ylabel() == "nT"
    assert len(panel.lines) == 3


def test_the_variation_of_the_real_field_shows(real_hpm: Path) -> None:
    panel = drawn(real_hpm).axes[2]
    assert panel.get_title(loc="left") == "|B| less its running mean over 60 s, twice"
    shown = np.asarray(panel.lines[0].get_ydata(), dtype=float)
    # Of 20,000 nT and more, a fraction of 1 nT is left, and nothing of the main field's curve.
    assert 0.2 < np.nanmax(np.abs(shown)) < 1.0
    assert abs(np.nanmean(shown)) < 0.02


@given(
    st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4),
    st.sets(st.integers(0, 299), max_size=20),
    st.booleans(),
)
def test_a_cubic_leaves_no_variation_and_a_wave_stays(
    terms: list[float], lost: set[int], vector: bool
) -> None:
    seconds = np.arange(300.0)
    x = (seconds - 150.0) / 150.0
    wave = 0.5 * np.sin(2.0 * np.pi * seconds / 15.0)
    field = 30_000.0 + 1000.0 * np.polynomial.polynomial.polyval(x, terms) + wave
    valid = np.ones(300, dtype=bool)
    valid[list(lost)] = False
    place = np.zeros(300)
    time = np.datetime64("2020-03-01", "ms") + (1000 * seconds).astype("timedelta64[ms]")
    values = np.where(valid, field, 1e9)
    if vector:
        values = np.stack((0.6 * values, np.zeros(300), -0.8 * values), axis=1)
        valid = np.stack((valid, valid, valid), axis=1)
    channel = Channel("B_FGM", "HPM_5", "nT", values, valid, Track(time, place, place, place, 1.0))
    found = plotting._variation(channel)
    assert found.valid.sum() > 150 - 3 * len(lost)
    assert not found.valid[list(lost)].any()
    assert not found.valid[:60].any()
    assert not found.valid[-60:].any()
    # A mean over 61 s is not quite free of a wave of 15 s, and lost values are bridged by lines,
    # from which a wave differs by its height at most.
    allowed = 0.02 + 0.05 * len(lost)
    assert np.abs(found.values - wave)[found.valid].max() < allowed


@pytest.mark.parametrize("rows", [1, 60, 122])
def test_a_field_that_is_short_or_lost_has_no_variation(
    rows: int, make_cses: Callable[..., Path]
) -> None:
    for field in ({}, {"B_FGM": np.full((rows, 3), -999999.0)}):
        panel = drawn(make_cses("HPM_5", rows, **field)).axes[2]
        assert [t.get_text() for t in panel.texts] == (
            [] if rows == 122 and not field else ["no valid value"]
        )


def test_angles_are_not_drawn_across_their_wrap(make_cses: Callable[..., Path]) -> None:
    longitude = (175.0 + 0.5 * np.arange(40) + 180.0) % 360.0 - 180.0
    figure = drawn(make_cses("LAP_1", 40, MAG_LON=longitude))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    panel = figure.axes[titles.index("MAG_LON: dipole longitude")]
    shown = np.asarray(panel.lines[0].get_ydata(), dtype=float)
    assert np.isnan(shown).sum() == 1
    assert np.nanmax(np.abs(np.diff(shown))) == pytest.approx(0.5, abs=1e-3)


def test_ticks_say_latitude_utc_and_local_time(real_hpm: Path) -> None:
    panel = drawn(real_hpm).axes[-1]
    labels = [t.get_text().split("\n") for t in panel.get_xticklabels()]
    assert [t.get_text() for t in panel.texts] == ["lat (deg)\nUTC\nLT (h)"]
    assert [label[0] for label in labels] == ["-60", "-40", "-20", "0", "20", "40", "60"]
    assert labels == sorted(labels, key=lambda label: label[1])
    # The equator is passed about 2 h after midnight.
    assert labels[3][1].startswith("00:38:")
    assert 1.0 < float(labels[3][2]) < 3.0


def test_default_name_and_the_same_bytes(make_cses: Callable[..., Path], tmp_path: Path) -> None:
    path = make_cses("LAP_1", 40)
    contents = []
    for settings in ("", "figure.facecolor: black\n"):
        (tmp_path / "matplotlibrc").write_text(settings)
        done = edge_score("plot", path, cwd=tmp_path, MATPLOTLIBRC=str(tmp_path / "matplotlibrc"))
        assert (done.returncode, done.stdout) == (0, f"{path.stem}.png\n")
        contents.append((tmp_path / f"{path.stem}.png").read_bytes())
    assert contents[0] == contents[1]


def test_land_is_under_the_track_and_the_caspian_sea_is_none(
    make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    figure = drawn(make_cses("LAP_1", 40))
    axes = figure.axes[0]
    (land,) = axes.patches
    assert land.get_zorder() < min(line.get_zorder() for line in axes.lines)
    figure.savefig(tmp_path / "a.png", dpi=figure.dpi)
    pixels = imread(tmp_path / "a.png")[..., :3]

    def colour(longitude: float, latitude: float) -> np.ndarray:
        x, y = axes.transData.transform((longitude, latitude))
        return pixels[pixels.shape[0] - 1 - round(y), round(x)]

    paper = colour(-160.0, 45.0)
    assert paper.tolist() == [1.0, 1.0, 1.0]
    assert colour(51.0, 41.0).tolist() == paper.tolist()
    assert colour(100.0, 45.0).tolist() != paper.tolist()


def test_the_track_is_not_drawn_across_the_map(make_cses: Callable[..., Path]) -> None:
    longitude = (182.0 - 0.1 * np.arange(40) + 180.0) % 360.0 - 180.0
    figure = drawn(make_cses("LAP_1", 40, GEO_LON=longitude))
    line = figure.axes[0].lines[1]
    x = np.asarray(line.get_xdata(), dtype=float)
    assert np.isnan(x).sum() == 1
    assert np.nanmax(np.abs(np.diff(x))) < 1.0


@pytest.mark.parametrize("direction", [0, 1])
def test_night_rows_are_marked_on_the_night_side(
    direction: int, make_cses: Callable[..., Path]
) -> None:
    axes = drawn(make_cses("LAP_1", 40, direction=direction)).axes[0]
    labels = [t.get_text() for t in axes.get_legend().get_texts()]
    assert any(t.startswith("night rows") for t in labels) == bool(direction)


def test_densities_are_logarithmic_and_gaps_stay_open(make_cses: Callable[..., Path]) -> None:
    density = np.linspace(2e10, 2.1e10, 40)
    density[5:8] = -9999.0
    path = make_cses("LAP_1", 40, A311=density)
    with h5py.File(path, "a") as file:
        # Twenty records lost: a step of 63 s.
        for name in list(file):
            kept = np.delete(file[name][...], np.s_[15:35], axis=0)
            unit = file[name].attrs["units"]
            del file[name]
            file[name] = kept
            file[name].attrs["units"] = unit
    figure = drawn(path)
    panel = figure.axes[1]
    assert panel.get_yscale() == "log"
    assert panel.get_ylabel() == "m$^{-3}$"
    assert panel.get_title(loc="right") == "3 of 20 values not valid"
    assert np.isnan(np.asarray(panel.lines[0].get_ydata(), dtype=float)).sum() == 3 + 1
    assert figure.axes[2].get_yscale() == "linear"


def test_spectra_are_images_over_frequency(make_cses: Callable[..., Path], tmp_path: Path) -> None:
    path = make_cses("EFD_2", 12)
    figure = drawn(path)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    panel = figure.axes[titles.index("A121_P: ELF electric field spectrum, first axis")]
    assert len(panel.collections) == 1
    assert panel.get_ylabel() == "frequency (Hz)"
    plotting.plot(path, tmp_path / "spectra.png")
    check_picture(tmp_path / "spectra.png", 5)


@pytest.mark.parametrize("apid", ["1129", "1132", "1142"])
def test_demeter(apid: str, make_demeter: Callable[..., Path], tmp_path: Path) -> None:
    path = make_demeter(apid, 6)
    plotting.plot(path, tmp_path / "picture.png")
    check_picture(tmp_path / "picture.png", 1)


@pytest.mark.parametrize(("payload", "rows"), [("LAP_1", 1), ("HPM_5", 2), ("EFD_1", 1)])
def test_the_shortest_files(
    payload: str, rows: int, make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    plotting.plot(make_cses(payload, rows), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_files_without_a_position_or_a_value(
    make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    nothing = np.full(20, -9999.0)
    for name in ("GEO_LAT", "A311"):
        plotting.plot(make_cses("LAP_1", 20, **{name: nothing}), tmp_path / "picture.png")


def test_missing_matplotlib_is_one_line(make_cses: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError\n")
    done = edge_score("plot", make_cses("LAP_1", 12), cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-score: matplotlib is not installed")
    assert "'report'" in line


def test_bad_input_and_bad_output(make_cses: Callable[..., Path], tmp_path: Path) -> None:
    done = edge_score("plot", tmp_path / "absent.h5", "--out", tmp_path / "a.png")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    done = edge_score("plot", make_cses("LAP_1", 12), "--out", tmp_path / "none" / "a.png")
    assert done.returncode == 2
    assert done.stderr == "edge-score: a.png: cannot be written: No such file or directory\n"
    assert not list(tmp_path.iterdir())
