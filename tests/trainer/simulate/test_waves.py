"""Simulated survey spectra, read back with plain struct, and what they leave alone."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from trainer.simulate import demeter_files, simulate_mission
from trainer.simulate.commands import simulate
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.plagues import NO_PLAGUES, Plagues
from trainer.simulate.spectra import TRANSMITTERS, heard

CLEAN = NO_PLAGUES
KINDS = {
    1132: (b"VLF ELECTRIC SPECTRUM", b"E12", b"log(\xb5V^2/m^2/Hz)"),
    1137: (b"VLF MAGNETIC SPECTRUM", b"B1 ", b"log(nT^2/Hz)    "),
}


@pytest.fixture(scope="module")
def night() -> Pass:
    day = np.datetime64("2006-05-01")
    nights = [
        h for h in half_orbits("demeter", day, day + np.timedelta64(1, "D")) if h.direction == 1
    ]
    return max(nights, key=lambda h: heard(h)[:, :9].max())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("apid", [1132, 1137])
def test_records_have_the_document_s_layout(tmp_path: Path, night: Pass, apid: int) -> None:
    path = demeter_files.write_waves(tmp_path, apid, night, np.random.default_rng(4), CLEAN)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    raw = path.read_bytes()
    assert len(raw) % 8510 == 0
    times, logs = [], []
    for at in range(0, len(raw), 8510):
        record = raw[at : at + 8510]
        kind, component, unit = KINDS[apid]
        assert record[0] == 76
        assert record[204:225] == kind
        assert record[225:234] == b"simulated"
        assert record[257:266] == b"Sensor   "
        assert record[266:269] == component
        assert record[269:285] == unit
        assert struct.unpack_from(">Bh", record, 285) == (2, 1024)
        assert struct.unpack_from(">4f", record, 288) == pytest.approx(
            (4.096, 19.53125, 19.53125, 20_000.0)
        )
        assert record[304:318] == record[8:22]
        times.append(struct.unpack_from(">I", record, 4)[0])
        logs.append(struct.unpack_from(">2048f", record, 318))
    assert set(np.diff(times)) == {4096}
    power = np.array(logs).reshape(-1, 1024)
    assert np.isfinite(power).all()
    assert np.abs(power).max() < 12.0
    # It falls with frequency, and stands out at a transmitter's line.
    median = np.median(power, axis=0)
    assert median[4] > median[99] > median[799]
    loudest = int(np.argmax(heard(night).max(axis=0)))
    line = int(np.argmin(np.abs(demeter_files.FREQUENCY - TRANSMITTERS[loudest][1])))
    assert np.max(power[:, line] - power[:, line + 3]) > 0.4


def test_records_without_a_value_hold_nan(tmp_path: Path, night: Pass) -> None:
    plagues = Plagues(fill=0.5, gap=1.0, gap_s=(20.0, 40.0))
    path = demeter_files.write_waves(tmp_path, 1132, night, np.random.default_rng(4), plagues)
    raw = path.read_bytes()
    lost = [
        np.isnan(struct.unpack_from(">2048f", raw, at + 318)).all()
        for at in range(0, len(raw), 8510)
    ]
    assert 0.3 < np.mean(lost) < 0.7
    times = [struct.unpack_from(">I", raw, at + 4)[0] for at in range(0, len(raw), 8510)]
    assert np.diff(times).max() > 8000


def test_other_apids_are_refused(tmp_path: Path, night: Pass) -> None:
    with pytest.raises(ValueError, match=r"APID 1134 .* valid: 1132, 1137"):
        demeter_files.write_waves(tmp_path, 1134, night, np.random.default_rng(4))


def test_spectra_leave_every_other_file_as_it_is(tmp_path: Path) -> None:
    start = np.datetime64("2006-05-01T00:00", "ms")
    arguments = ("demeter", start, start + np.timedelta64(100, "m"), 3, 1.0)
    for name, waves in (("without", False), ("with", True), ("again", True)):
        simulate_mission(*arguments, tmp_path / name, night_only=True, waves=waves)
    without, full = contents(tmp_path / "without"), contents(tmp_path / "with")
    assert full == contents(tmp_path / "again")
    added = set(full) - set(without)
    assert {name[:12] for name in added} == {"DMT_N1_1132_", "DMT_N1_1137_"}
    assert b'"profile": "full"' in full["simulation.json"]
    for name in set(without) - {"simulation.json"}:
        assert without[name] == full[name]


@pytest.mark.parametrize(("mission", "start"), [("cses", "2019-11-01"), ("demeter", "2006-05-01")])
def test_profiles_share_their_files(tmp_path: Path, mission: str, start: str) -> None:
    first = np.datetime64(start, "ms")
    for profile in ("plasma", "waves", "full"):
        simulate_mission(
            mission, first, first + np.timedelta64(100, "m"), 3, 5.0, tmp_path / profile,
            night_only=True, events_per_day=100.0, pap_off=0.0, profile=profile, wave_bins=160,
            wave_components=1,
        )  # fmt: skip
    plasma, waves, full = (
        {n: b for n, b in contents(tmp_path / p).items() if n.endswith((".h5", ".DAT"))}
        for p in ("plasma", "waves", "full")
    )
    assert full == plasma | waves
    assert not set(plasma) & set(waves)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "all"}, "profile 'all' is unknown; valid: plasma, waves, full"),
        ({"wave_bins": 96}, r"must be in 160\.\.1024, not 96"),
        ({"wave_components": 4}, r"must be in 1\.\.3, not 4"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    start = np.datetime64("2019-11-01", "ms")
    with pytest.raises(ValueError, match=message):
        simulate_mission(
            "cses", start, start + np.timedelta64(1, "D"), 3, 0.0, tmp_path / "out", **options
        )
    assert not (tmp_path / "out").exists()


def test_cses_writes_every_file_that_it_counts(tmp_path: Path) -> None:
    start = np.datetime64("2019-11-01T00:00", "ms")
    summary = simulate_mission(
        "cses", start, start + np.timedelta64(100, "m"), 3, 1.0, tmp_path, night_only=True,
        waves=True,
    )  # fmt: skip
    names = [path.name for path in tmp_path.glob("*.h5")]
    assert summary.files == len(names)
    assert any("EFD_2" in name for name in names)
    assert any("SCM_3" in name for name in names)


def test_the_reader_gives_bands_of_a_simulated_file(tmp_path: Path, night: Pass) -> None:
    from edge.observables import WAVES as PROFILE
    from edge.readers import read_payload
    from edge.readers.halforbit import SIMULATED

    for apid in KINDS:
        path = demeter_files.write_waves(tmp_path, apid, night, np.random.default_rng(4), CLEAN)
        read = read_payload(path, PROFILE.payloads("demeter")[str(apid)])
        assert read.notes == (SIMULATED,)
        plausible = {
            source.name: observable.plausible
            for observable in PROFILE.observables
            if (source := observable.sources["demeter"]).payloads == (str(apid),)
        }
        assert set(read.channels) == set(plausible)
        for name, channel in read.channels.items():
            low, high = plausible[name]
            assert channel.valid.all()
            assert low < channel.values.min() < channel.values.max() < high


def test_the_command_writes_spectra_when_asked(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(simulate)
    result = CliRunner().invoke(
        app,
        ["--mission", "demeter", "--start", "2006-05-01", "--end", "2006-05-01T02:00",
         "--out", str(tmp_path / "out"), "--night-only", "--waves"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "out").glob("DMT_N1_1132_*.DAT"))) == 1
