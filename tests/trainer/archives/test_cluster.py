"""Tasks in processes of their own: results, deaths, and nothing that a user should not see."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import psutil
import pytest
from distributed import LocalCluster

from edge.errors import ConfigError
from trainer.archives import cluster
from trainer.archives.cluster import connect
from trainer.archives.row_stage import find_missions
from trainer.common.errors import TrainError


def test_results_deaths_and_errors(capfd: pytest.CaptureFixture[str]) -> None:
    with connect(2) as run:
        tasks = {str(i): -i for i in range(20)}
        assert dict(run(abs, tasks)) == {str(i): i for i in range(20)}
        sockets = [c for p in psutil.Process().children() for c in p.net_connections("inet")]
        # os._exit ends each worker that tries; the one beside it is not blamed.
        assert dict(run(os._exit, {"deadly": 3})) == {"deadly": None}
        assert dict(run(abs, {"after": -1})) == {"after": 1}
        with pytest.raises(TrainError, match="wrong failed with TypeError"):
            list(run(abs, {"wrong": "text"}))
        with pytest.raises(TrainError, match=r"^gone: is not a folder$"):
            list(run(find_missions, {"bad": Path("gone")}))
        # It is there for whoever asks next.
        assert dict(run(abs, {"again": -2})) == {"again": 2}
        loaded = "{'tensorflow', 'distributed'} & set(__import__('sys').modules)"
        assert dict(run(eval, {"loaded": loaded})) == {"loaded": set()}
    assert active_children() == []
    # Nothing listens on any network: they are reached through pipes.
    assert sockets == []
    assert capfd.readouterr() == ("", "")


def test_no_more_processes_than_tasks_are_started() -> None:
    with connect(8) as run:
        assert active_children() == []
        assert dict(run(abs, {"one": -1})) == {"one": 1}
        assert len(active_children()) == 1


def test_workers_have_one_thread_and_the_caller_keeps_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with connect(1) as run:
        tasks = {name: name for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS")}
        assert dict(run(os.getenv, tasks)) == {"MKL_NUM_THREADS": "3", "OMP_NUM_THREADS": "1"}
        assert dict(os.environ) == before


def test_the_last_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_LOOK_AT_MEMORY_S", 30.0)
    with connect(1) as run:
        begun = time.monotonic()
        assert dict(run(abs, {"one": -1})) == {"one": 1}
        assert time.monotonic() - begun < 30.0


def test_workers_do_not_outlive_who_started_them() -> None:
    code = (
        "import os, signal\n"
        "from multiprocessing import active_children\n"
        "from trainer.archives.cluster import connect\n"
        "if __name__ == '__main__':\n"
        "    with connect(1) as run:\n"
        "        list(run(abs, {'one': 1}))\n"
        "        print(active_children()[0].pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(found.stdout)
    until = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.05)


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
