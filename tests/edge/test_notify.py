"""What systemd hears of a watcher."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.bundle import models_path
from edge.events import Idle, Problem
from edge.station.notify import Notifier

SAMPLE = next((models_path() / "samples").glob("CSES_01_LAP_1_*_118071_*.h5"))


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket that listens as systemd does, and its name for NOTIFY_SOCKET."""
    name = f"@edge-score-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0"))
        listener.settimeout(300.0)
        yield name, listener


def test_a_watcher_tells_that_it_is_up_alive_what_it_did_and_that_it_ends(
    manager: tuple[str, socket.socket], tmp_path: Path
) -> None:
    name, listener = manager
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    beats: list[float] = []

    def hear(wanted: str) -> str:
        while True:
            heard = listener.recv(4096).decode()
            beats.extend([time.monotonic()] * (heard == "WATCHDOG=1"))
            if heard.startswith(wanted):
                return heard

    environment = {k: v for k, v in os.environ.items() if not k.startswith("EDGE_SCORE_")}
    environment |= {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "6000000"}
    arguments = ["stream", str(inbox), "--out", str(tmp_path / "out"), "--settle", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        assert hear("") == "READY=1\nSTATUS=watching inbox"
        assert hear("STATUS=").startswith("STATUS=0 half-orbits scored and 0 problems since")
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        # A quarter of the limit, and what a busy computer may be late; systemd wants half of it.
        assert 1.4 < beats[1] - beats[0] < 3.0
        shutil.copy(SAMPLE, inbox)
        assert "STATUS=1 half-orbits scored" in hear("STATUS=1")
        process.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        _, complaints = process.communicate(timeout=30)
        assert (process.returncode, complaints) == (0, b"")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "1"},
        {"NOTIFY_SOCKET": "@" + "long" * 100, "WATCHDOG_USEC": "much"},
        {"NOTIFY_SOCKET": "relative\0zero", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "-1"},
    ],
)
def test_nobody_who_listens_is_no_fault(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    notifier.ready("inbox\nREADY=0")
    notifier.beat()
    notifier.follow(Problem("text"))
    notifier.follow(Idle(half_orbits=0, failed=1, waiting=0))
    notifier.stopping()


def test_a_manager_that_does_not_read_holds_nothing_up(
    manager: tuple[str, socket.socket],
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager[0]})
    begun = time.monotonic()
    # Longer than the queue of a socket, whose last message waits for a second.
    for _ in range(2000):
        notifier.tell("WATCHDOG=1")
        if time.monotonic() - begun > 0.9:
            break
    assert 0.9 < time.monotonic() - begun < 10.0


def test_the_watchdog_of_another_process_is_not_ours(
    manager: tuple[str, socket.socket],
) -> None:
    name, listener = manager
    listener.settimeout(0.05)
    for process, heard in ((os.getpid() + 1, False), (os.getpid(), True)):
        notifier = Notifier(
            {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(process)}
        )
        time.sleep(0.02)
        notifier.beat()
        notifier.beat()
        if heard:
            assert listener.recv(100) == b"WATCHDOG=1"
        with pytest.raises(TimeoutError):
            listener.recv(100)


def test_a_folder_cannot_speak_to_systemd_by_its_name(
    manager: tuple[str, socket.socket],
) -> None:
    name, listener = manager
    Notifier({"NOTIFY_SOCKET": name}).ready("in\nMAINPID=1\udcff")
    assert listener.recv(100) == b"READY=1\nSTATUS=watching in MAINPID=1?"
