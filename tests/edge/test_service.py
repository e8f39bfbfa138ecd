"""The files that let a computer run a station by itself, and the station's own."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from commands import edge_score
from edge.bundle import models_path
from edge.config import Settings, load_settings
from edge.errors import ConfigError
from edge.station.service import cron_lines, make_station, systemd_unit
from edge.station.setup import SETTINGS_FILE, settings_text
from edge.watching import hold

SAMPLE = next((models_path() / "samples").glob("CSES_01_LAP_1_*_118071_*.h5"))


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A station that `init` made."""
    folder = tmp_path / "station"
    assert edge_score("init", folder).returncode == 0
    return folder


def systemd_analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is absent")
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def keys(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize(
    ("out", "user"),
    [
        ("/var/lib/edge-score", None),
        ("/var/lib/a b/results", None),
        ("/var/lib/edge-score", "daemon"),
        ("/srv/re sults", "daemon"),
    ],
)
def test_systemd_takes_the_unit_and_finds_little_exposure(
    out: str, user: str | None, tmp_path: Path
) -> None:
    arguments = ["--user", user] if user else []
    done = edge_score("service", "systemd", tmp_path / "in box", out, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    unit = tmp_path / "edge-score.service"
    unit.write_text(done.stdout)
    verified = systemd_analyze("verify", unit)
    # What systemd 254 brought is no fault of the unit.
    later = ("RestartSteps", "RestartMaxDelaySec")
    complaints = [c for c in verified.stderr.splitlines() if not any(k in c for k in later)]
    assert (verified.returncode, complaints) == (0, [])
    security = systemd_analyze("security", "--offline=true", "--threshold=30", unit)
    assert security.returncode == 0, security.stdout


def test_the_unit_says_what_it_must(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    unit = keys(systemd_unit(make_station(tmp_path / "inbox", Path("/var/lib/edge-score"), None)))
    (command,) = unit["ExecStart"]
    program, *rest = shlex.split(command)
    assert Path(program).is_relative_to(sys.prefix)
    assert rest[-6:-2] == ["stream", str(tmp_path / "inbox"), "--out", "/var/lib/edge-score"]
    # The journal has times of its own.
    assert rest[-2:] == ["--log-format", "journal"]
    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"] == ["10min"]
    assert unit["DynamicUser"] == ["yes"]
    assert unit["StateDirectory"] == ["edge-score"]
    assert unit["Environment"] == ["NUMBA_CACHE_DIR=%C/%N", "OPENBLAS_NUM_THREADS=1"]
    assert unit["CacheDirectory"] == ["%N"]
    # pytest's folder lies in /tmp, which the service has one of its own of.
    assert str(tmp_path / "inbox") in unit["BindReadOnlyPaths"]
    assert "MemoryDenyWriteExecute" not in unit


def test_the_unit_keeps_to_the_settings_of_log_and_metrics(tmp_path: Path) -> None:
    config = tmp_path / SETTINGS_FILE

    def unit(text: str, out: Path) -> dict[str, list[str]]:
        config.write_text(text)
        return keys(systemd_unit(make_station(tmp_path / "inbox", out, config, "daemon")))

    found = unit("log_format = 'json'\nmetrics = '/var/lib/node/a.prom'", Path("/srv/out"))
    assert "--log-format" not in found["ExecStart"][0]
    assert found["ReadWritePaths"] == ["/srv/out", "-/var/lib/node"]
    found = unit("metrics = '/srv/out/a.prom'", Path("/srv/out"))
    assert found["ReadWritePaths"] == ["/srv/out"]
    found = unit("metrics = '/home/m/a.prom'", Path("/srv/out"))
    assert found["BindPaths"] == ["-/home/m"]
    with pytest.raises(ConfigError, match="metrics: a service starts in /: expected an absolute"):
        unit("metrics = 'a.prom'", Path("/srv/out"))


def test_an_installation_whose_command_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, script = tmp_path / "python", tmp_path / "edge-score"
    monkeypatch.setattr("sys.executable", str(python))
    told = make_station(Path("/srv/in"), Path("/srv/out"), None)
    assert told.command[:4] == [str(python), "-P", "-m", "edge.cli"]
    script.write_text("#!/moved/from/here/python\n")
    assert told.command[0] == str(python)
    script.write_text(f"#!{python}\n")
    assert told.command[:2] == [str(script), "stream"]


def test_a_unit_for_results_of_a_person_runs_as_that_person(
    station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.station.service._owner", lambda _: "operator")
    told = make_station(None, None, station / SETTINGS_FILE)
    unit = keys(systemd_unit(told))
    assert unit["User"] == ["operator"]
    assert "DynamicUser" not in unit
    assert unit["BindPaths"] == [str(station / "results")]
    assert shlex.split(unit["ExecStart"][0])[-3] == str(station / SETTINGS_FILE)
    # What is bound with a folder is not bound once more.
    shown = list(map(Path, unit["BindReadOnlyPaths"]))
    assert not [a for a in shown for b in shown if a != b and a.is_relative_to(b)]
    monkeypatch.setattr("edge.station.service._owner", lambda _: "root")
    with pytest.raises(ConfigError, match="expected one below /var/lib, or of a user who is not"):
        systemd_unit(told)


def test_results_that_a_dynamic_user_made_before(monkeypatch: pytest.MonkeyPatch) -> None:
    real = {Path("/var/lib/station"): Path("/var/lib/private/station")}
    monkeypatch.setattr("edge.station.service._real", lambda path: real.get(path, path))
    unit = keys(systemd_unit(make_station(Path("/srv/inbox"), Path("/var/lib/station"), None)))
    assert unit["StateDirectory"] == ["station"]


@pytest.mark.parametrize("kind", ["systemd", "cron", "logrotate"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/srv/in"], "expected INBOX and OUT, or --config FILE"),
        (["/srv/in", "/srv/in"], "output folder in: is the inbox"),
        (["/srv/100%", "/var/lib/out"], "'/srv/100%': service files take letters"),
        (["/srv/in", "/var/lib/a\nUser=root"], "service files take letters"),
        (["/srv/in", '/var/lib/a"b'], "service files take letters"),
        (["/srv/in", "/var/lib/out", "--user", "a;b"], "service files take letters"),
        (["/srv/in", "/var/lib/out", "--config", "/nowhere.toml"], "nowhere.toml: No such file"),
    ],
)
def test_what_a_service_file_cannot_hold_is_refused(
    kind: str, arguments: list[str], words: str
) -> None:
    done = edge_score("service", kind, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


def test_a_bundle_that_a_service_would_not_find(station: Path) -> None:
    (station / SETTINGS_FILE).write_text('bundle = "models/mine"')
    with pytest.raises(ConfigError, match="expected an absolute path, got 'models/mine'"):
        make_station(None, None, station / SETTINGS_FILE)


# What is done and asked in a container with a systemd of its own.
PROBE = """\
exec > /told 2>&1
for _ in $(seq 120); do
    systemctl show -P StatusText edge-score | grep -q ^1 && break
    sleep 1
done
systemctl show -P StatusText edge-score
systemctl show -P ActiveState edge-score
process=$(systemctl show -P MainPID edge-score)
grep -E 'CapEff|Seccomp:' /proc/$process/status
find /var/cache/private/edge-score -name '*.nbc' | head -1 | grep -c nbc
kill -STOP $process
for _ in $(seq 60); do
    test $(systemctl show -P NRestarts edge-score) = 0 || break
    sleep 1
done
systemctl show -P NRestarts edge-score
sleep 5
systemctl stop edge-score
systemctl show -P Result edge-score
systemctl poweroff
"""
UNITS = {
    "default.target": "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n"
    "Wants=edge-score.service probe.service\n",
    "probe.service": "[Service]\nType=oneshot\nExecStart=/bin/sh /probe.sh\n",
    "edge-score.service.d/quick.conf": "[Service]\nEnvironment=EDGE_SCORE_SETTLE=1\n"
    "WatchdogSec=10\nRestartSec=1\n",
}


@pytest.mark.slow
def test_systemd_runs_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-nspawn")
    if program is None or os.geteuid() != 0:
        pytest.skip("systemd-nspawn is absent, or not ours to run")
    root, system = tmp_path / "root", tmp_path / "root" / "etc" / "systemd" / "system"
    for folder in ("srv/inbox", "usr/lib", "root", "var/lib", "tmp"):
        (root / folder).mkdir(parents=True)
    for path in (Path("/bin"), Path("/sbin"), Path("/lib"), Path("/lib64")):
        if path.is_symlink():
            (root / path.name).symlink_to(path.readlink())
    shutil.copy(SAMPLE, root / "srv" / "inbox")
    unit = edge_score("service", "systemd", "/srv/inbox", "/var/lib/edge-score").stdout
    for name, text in (UNITS | {"edge-score.service": unit}).items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(text)
    (root / "probe.sh").write_text(PROBE)
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "os-release"):
        shutil.copy(f"/etc/{name}", root / "etc")
    shutil.copy("/usr/lib/os-release", root / "usr" / "lib")
    shown = {"/usr", sys.prefix, sys.base_prefix, str(Path(__file__).parents[2])}
    subprocess.run(
        [
            *(program, "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"),
            *(f"--bind-ro={path}" for path in sorted(shown)),
            f"--directory={root}",
        ],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=240,
    )
    assert (root / "told").read_text().splitlines() == [
        "1 half-orbits scored and 0 problems since the start; 0 waiting, 0 to be tried again, "
        "0 given up",
        "active",
        "CapEff:\t0000000000000000",
        "Seccomp:\t2",
        "1",
        # By the watchdog, and once.
        "1",
        "success",
    ]
    assert list((root / "var/lib/private/edge-score").glob("*.jsonl"))


def cron(line: str, home: Path) -> tuple[int, str, str]:
    """Run a line of a crontab as cron does."""
    command = line.split(maxsplit=5)[5]
    assert "%" not in command
    done = subprocess.run(
        ["env", "-i", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def line(station: Path) -> str:
    """The crontab's line for a station whose files need not settle."""
    config = station / SETTINGS_FILE
    config.write_text(config.read_text().replace("#settle =", "settle = 0"))
    done = edge_score("service", "cron", "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    *comments, last = done.stdout.splitlines()
    assert all(comment.startswith("#") for comment in comments)
    return last


def test_cron_runs_the_line(station: Path, line: str) -> None:
    log = station / "results" / "edge-score.log"
    assert "--settle" not in line
    assert " OPENBLAS_NUM_THREADS=1 flock " in line
    shutil.copy(SAMPLE, station / "inbox")
    assert cron(line, station) == (0, "", "")
    assert "night windows" in log.read_text()
    assert "trained on simulated missions" in log.read_text()
    before = log.read_text()
    assert cron(line, station) == (0, "", "")
    assert log.read_text() == before
    # An error is for cron to mail, and for nobody to look for in the log.
    (station / "inbox" / SAMPLE.name.replace("118071", "118091")).write_bytes(b"")
    code, out, err = cron(line, station)
    assert (code, out) == (2, "")
    assert "is empty (0 bytes)" in err
    assert "is empty" not in log.read_text()


def test_a_run_that_lasts_is_no_fault_and_another_user_of_the_folder_is(
    station: Path, line: str
) -> None:
    results = station / "results"
    with (results / ".cron.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert cron(line, station) == (0, "", "")
    with hold(results):
        code, out, err = cron(line, station)
    assert (code, out) == (3, "")
    assert err == "edge-score: output folder results: another edge-score works on it\n"


def test_a_run_that_hangs_is_ended_and_told(station: Path, line: str) -> None:
    assert " 3h " in line
    code, _, err = cron(line.replace(" 3h ", " 0.05 "), station)
    assert code == 124
    assert "sending signal TERM" in err


def test_files_settle_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    told = make_station(tmp_path / "in", tmp_path / "out put", None)
    last = cron_lines(told).splitlines()[-1]
    assert "--once --settle 60 >> " in last
    assert shlex.split(last)[-1] == str(tmp_path / "out put" / "edge-score.log")
    long = make_station(tmp_path / "in", tmp_path / ("x" * 200) / ("x" * 200), None)
    with pytest.raises(ConfigError, match="expected a line of up to 998 bytes, got"):
        cron_lines(long)


def test_logrotate_takes_its_file(station: Path, tmp_path: Path) -> None:
    done = edge_score("service", "logrotate", "--config", station / SETTINGS_FILE)
    assert (done.returncode, done.stderr) == (0, "")
    log = station / "results" / "edge-score.log"
    log.write_text("0 half-orbits scored\n")
    config = tmp_path / "edge-score"
    config.write_text(done.stdout)
    config.chmod(0o644)
    program = shutil.which("logrotate", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("logrotate is absent")

    def rotate(*options: str) -> str:
        command = [program, *options, "-s", str(tmp_path / "state"), str(config)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stderr

    assert "error" not in rotate("-d").lower()
    with log.open("a") as writer:
        rotate("-f")
        writer.write("after\n")
    assert log.read_text() == "after\n"
    assert len(list(log.parent.glob("edge-score.log.1*"))) == 1


def test_init_makes_a_station_and_says_what_comes_next(tmp_path: Path) -> None:
    done = edge_score("init", tmp_path / "new" / "station")
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "new" / "station"
    assert sorted(p.name for p in folder.iterdir()) == ["edge-score.toml", "inbox", "results"]
    steps = [s.split()[1:] for s in done.stdout.splitlines() if s.startswith("  edge-score ")]
    assert [step[0] for step in steps] == ["doctor", "stream", "service", "service"]
    assert steps[0][-2:] == ["--config", str(folder / SETTINGS_FILE)]
    assert edge_score(*steps[0]).returncode == 0
    done = edge_score(*steps[1], "--once")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_status_takes_the_settings_that_init_made_or_says_that_it_has_none(
    station: Path, tmp_path: Path
) -> None:
    results, config = station / "results", station / SETTINGS_FILE
    assert edge_score("stream", station / "inbox", "--out", results, "--once").returncode == 0
    bundle = shutil.copytree(models_path() / "plasma", tmp_path / "mine")
    (bundle / "card.json").write_text("{}")
    config.write_text(f"bundle = '{bundle}'")
    told = edge_score("status", results).stdout
    assert "bundle mine: " in told
    assert "--config" not in told
    config.rename(tmp_path / "elsewhere.toml")
    told = edge_score("status", results).stdout
    assert "bundle          plasma" in told
    assert told.splitlines()[-1].startswith("settings        none (--config FILE): ")
    told = edge_score("status", results, "--config", tmp_path / "elsewhere.toml").stdout
    assert "bundle mine: " in told


@pytest.mark.parametrize("there", ["inbox", "results", SETTINGS_FILE])
def test_init_overwrites_nothing(there: str, tmp_path: Path) -> None:
    (tmp_path / there).symlink_to("nowhere")
    done = edge_score("init", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"expected a new folder, got one with {there}" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [there]


def test_init_says_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = edge_score("init", tmp_path / "file")
    assert (done.returncode, done.stderr) == (2, "edge-score: file: Not a directory\n")


def test_the_settings_file_has_every_setting_with_its_meaning_and_default(tmp_path: Path) -> None:
    text = settings_text()
    file = tmp_path / SETTINGS_FILE
    file.write_text(text)
    assert load_settings(file, {}, {}) == Settings()
    assert not tomllib.loads(text)
    blocks = text.split("\n\n")[1:]
    assert [b.splitlines()[-1].split(" =")[0] for b in blocks] == [
        f"#{name}" for name in Settings.__struct_fields__
    ]
    for block in blocks:
        *meaning, value = block.strip().splitlines()
        # Each has an entry in the docstring of the class.
        assert meaning[-1].startswith("# Expected: ")
        assert not meaning[-1].startswith("# Expected: .")
        name = value.removeprefix("#").split(" =")[0]
        if getattr(Settings(), name) is None:
            assert meaning[-1].endswith("; not set.")
            assert value == f"#{name} ="
        else:
            file.write_text(value.removeprefix("#"))
            assert load_settings(file, {}, {}) == Settings()


def test_a_settings_file_serves_a_stream(station: Path) -> None:
    config = station / SETTINGS_FILE
    config.write_text(config.read_text().replace("#threads = 1", "threads = 2"))
    assert load_settings(config, {}, {}).threads == 2


def test_service_files_and_init_load_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv[0] = 'edge-score'\nfrom edge.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*[m for m in ('numba', 'h5py', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    for arguments in (["init", tmp_path / "s"], ["service", "cron", "/srv/in", "/srv/out"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == "\n"
