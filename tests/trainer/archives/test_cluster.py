"""Tasks on a cluster of processes: results, deaths, and nothing that a user should not see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import ConfigError
from trainer.archives.cluster import connect, run_tasks
from trainer.errors import TrainError

LISTENING = "0A"


def listening_addresses() -> set[str]:
    """Hexadecimal addresses and ports that something on this computer listens on."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
            found |= {row[1] for row in rows if row[3] == LISTENING}
    return found


def test_results_deaths_and_errors(capfd: pytest.CaptureFixture[str]) -> None:
    before = listening_addresses()
    with connect(2) as client:
        opened = listening_addresses() - before
        tasks = {str(i): -i for i in range(20)}
        assert dict(run_tasks(client, abs, tasks)) == {str(i): i for i in range(20)}
        # os._exit ends each worker that tries; the one beside it is not blamed.
        assert dict(run_tasks(client, os._exit, {"deadly": 3})) == {"deadly": None}
        assert dict(run_tasks(client, abs, {"after": -1})) == {"after": 1}
        with pytest.raises(TrainError, match="wrong failed with TypeError"):
            list(run_tasks(client, abs, {"wrong": "text"}))
        assert not any(client.run(lambda: "tensorflow" in __import__("sys").modules).values())
    assert opened
    assert all(address.startswith("0100007F:") for address in opened)
    assert capfd.readouterr() == ("", "")


def test_a_wrong_memory_limit_is_one_clear_error() -> None:
    with pytest.raises(ConfigError, match="memory limit 'much': not a number of bytes such as 2G"):
        connect(1, memory_limit="much").__enter__()


def test_a_scheduler_that_is_not_there_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.archives.cluster._CONNECT_S", 1)
    with pytest.raises(ConfigError, match=r"scheduler tcp://127.0.0.1:9: cannot be reached"):
        connect(1, "tcp://127.0.0.1:9").__enter__()
    with pytest.raises(ConfigError, match=r"scheduler nonsense://x: cannot be reached"):
        connect(1, "nonsense://x").__enter__()
