"""Commands of the operator's, real ones: scripts, and a broker that speaks MQTT."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.events import Problem
from edge.ledger import Ledger
from edge.station import hooks
from edge.station.hooks import failure_message, tell

NOW = 1_600_000_000.0
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(messages=[("alarm", "CSES_096791 a", '{"state": "new"}')], now=NOW)
        yield ledger


def test_a_command_gets_the_message_once(ledger: Ledger, tmp_path: Path) -> None:
    commands = {"alarm": f"cat >> '{tmp_path}/told'"}
    assert list(tell(ledger, commands, NOW)) == []
    assert list(tell(ledger, commands, NOW + 1e6)) == []
    assert (tmp_path / "told").read_text() == '{"state": "new"}\n'


def test_a_command_that_fails_is_tried_until_it_exits_with_0(
    ledger: Ledger, tmp_path: Path
) -> None:
    failing = {"alarm": "echo no route >&2; exit 7"}
    (problem,) = tell(ledger, failing, NOW)
    assert problem == Problem("on_alarm: exit code 7: no route; CSES_096791 a: told again later")
    assert list(tell(ledger, failing, NOW)) == []
    now = NOW
    for pause in (2.0, 61.0, 601.0, 3601.0, 3601.0):
        now += pause
        assert len(list(tell(ledger, failing, now))) == 1
    now += 3601.0
    assert list(tell(ledger, {"alarm": f"cat > '{tmp_path}/told'"}, now)) == []
    assert json.loads((tmp_path / "told").read_text()) == {"state": "new"}


def test_a_command_that_hangs_is_ended_with_what_it_started(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "TIMEOUT_S", 0.5)
    command = f"(sleep 60; touch '{tmp_path}/late') & wait"
    began = time.monotonic()
    (problem,) = tell(ledger, {"alarm": command}, NOW)
    assert "took longer than" in problem.message
    assert time.monotonic() - began < 20
    assert not (tmp_path / "late").exists()


def test_what_no_command_takes_stays(ledger: Ledger) -> None:
    assert list(tell(ledger, {"alarm": ""}, NOW)) == []
    assert len(ledger.messages(NOW)) == 1


def test_a_failure_is_told_once_a_reason_and_day(ledger: Ledger, tmp_path: Path) -> None:
    for day in ("2020-09-13", "2020-09-13", "2020-09-14"):
        ledger.record(messages=[failure_message("a.h5: is empty (0 bytes)", day)], now=NOW)
    assert list(tell(ledger, {"failure": f"cat >> '{tmp_path}/told'"}, NOW)) == []
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert [t["day"] for t in told] == ["2020-09-13", "2020-09-14"]
    assert told[0]["reason"] == "a.h5: is empty (0 bytes)"


@pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("mosquitto_pub") is None, reason="mosquitto is absent"
)
def test_an_alarm_reaches_a_real_broker(ledger: Ledger, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert MOSQUITTO is not None
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="ascii")
    options = ["-h", "127.0.0.1", "-p", str(port), "-t", "station/alarms", "-q", "1"]
    with subprocess.Popen([MOSQUITTO, "-c", config], stderr=subprocess.DEVNULL) as broker:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            # A session that the broker keeps: what is published before the reader is there waits.
            session = ["mosquitto_sub", *options, "-c", "-i", "reader"]
            subprocess.run([*session, "-E"], check=True, timeout=20)
            command = f"mosquitto_pub {' '.join(options)} -s"
            assert list(tell(ledger, {"alarm": command}, NOW)) == []
            got = subprocess.run(
                [*session, "-C", "1", "-W", "20"], check=True, capture_output=True, timeout=30
            )
        finally:
            broker.terminate()
    assert json.loads(got.stdout) == {"state": "new"}
