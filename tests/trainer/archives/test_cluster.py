"""Tasks on a cluster of processes: results, deaths, and nothing that a user should not see."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from distributed import LocalCluster

from edge.errors import ConfigError
from trainer.archives import cluster
from trainer.archives.cluster import connect, run_tasks
from trainer.common.errors import TrainError

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


@pytest.mark.parametrize(
    ("scheduler", "limit", "message"),
    [
        (None, "60MB", "memory limit '60MB'; valid is 512MB and more for each process"),
        (None, "0", "memory limit '0'; valid is 512MB and more"),
        ("foo", "2GiB", "scheduler 'foo'; valid is tcp://host:port or tls://host:port"),
        ("tcp://here:0", "2GiB", "scheduler 'tcp://here:0'; valid is tcp://host:port"),
    ],
)
def test_what_no_cluster_can_be_made_of_is_told_at_once(
    scheduler: str | None, limit: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        connect(1, scheduler, limit).__enter__()


def test_a_scheduler_without_workers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKER_S", 0.3)
    with (
        LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as empty,
        pytest.raises(ConfigError, match=r"no worker came up within 0\.3 s"),
        connect(1, empty.scheduler_address),
    ):
        pass


def test_a_wrong_memory_limit_is_one_clear_error() -> None:
    with pytest.raises(ConfigError, match="memory limit 'much': not a number of bytes such as 2G"):
        connect(1, memory_limit="much").__enter__()


def test_a_scheduler_that_is_not_there_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.archives.cluster._CONNECT_S", 1)
    with pytest.raises(ConfigError, match=r"scheduler tcp://127.0.0.1:9: cannot be reached"):
        connect(1, "tcp://127.0.0.1:9").__enter__()
    # A client left half-built would complain here, and a warning is an error.
    gc.collect()
    with pytest.raises(ConfigError, match=r"scheduler 'nonsense://x'; valid is tcp://"):
        connect(1, "nonsense://x").__enter__()
