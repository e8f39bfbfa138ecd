"""Runs tasks in processes of this computer, or on the dask scheduler that is given."""

from __future__ import annotations

import logging
import os
import re
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, cast

from edge.errors import ConfigError, EdgeError, describe_fault, one_line
from trainer.common.errors import TrainError

if TYPE_CHECKING:
    from distributed import Client

#: Memory that one process may take; one that takes more is ended, and another one started.
DEFAULT_MEMORY_LIMIT = "2GiB"
# Processes that may die over one task, beside the first, before it is taken for the cause.
_ALLOWED_FAILURES = 2
_CONNECT_S = 30
#: With less a process is ended before its first task: it takes 160 MB to start.
LEAST_MEMORY_BYTES = 512_000_000
#: Without a worker of the scheduler for so long, there is none to wait for.
WORKER_S = 120.0
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_LOOK_AT_MEMORY_S = 0.2
# One thread of linear algebra a process.
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


#: Runs a function on every task, and gives names and results as they come; None for a task that
#: ended every worker that tried it. The function is of a module that the workers can import, and
#: to run it twice does no harm. It raises EdgeError: that of a task, or what else went wrong.
RunTasks = Callable[[Callable[[Any], Any], Mapping[str, Any]], Iterator[tuple[str, Any]]]


@contextmanager
def connect(
    workers: int, scheduler: str | None = None, memory_limit: str = DEFAULT_MEMORY_LIMIT
) -> Iterator[RunTasks]:
    """Give what runs tasks in processes of this computer, or on a dask cluster that runs already.

    Parameters
    ----------
    workers : int
        Processes, each started when there is a task for it; unused where a scheduler is given.
    scheduler : str, optional
        Address, ``tcp://host:port``. Its workers must have this package in the same version,
        and see archive and output under the same paths.
    memory_limit : str, optional
        Of each process on this computer, such as ``2GiB``.

    Raises
    ------
    ConfigError
        The memory limit is none or too small, the scheduler cannot be reached, or it has no
        worker.
    """
    limit = check_cluster(scheduler, memory_limit)
    if scheduler is None:
        processes = _Processes(workers, limit)
        try:
            yield processes.run
        finally:
            processes.end()
        return
    with _reached(scheduler) as client:
        try:
            client.wait_for_workers(1, timeout=WORKER_S)
        except TimeoutError:
            raise ConfigError(
                f"scheduler {one_line(scheduler)}: no worker came up within {WORKER_S:g} s"
            ) from None
        yield partial(_run_on_dask, client)


def check_cluster(scheduler: str | None, memory_limit: str) -> int:
    """Refuse what no cluster can be made of, before anything is begun.

    Returns
    -------
    int
        The memory limit in bytes.

    Raises
    ------
    ConfigError
        As `connect`; nothing is connected to here.
    """
    from dask.utils import parse_bytes

    try:
        limit = int(parse_bytes(memory_limit))
    except (ValueError, IndexError, OverflowError):
        raise ConfigError(
            f"memory limit {one_line(memory_limit)!r}: not a number of bytes such as 2GiB"
        ) from None
    if limit < LEAST_MEMORY_BYTES:
        raise ConfigError(
            f"memory limit {one_line(memory_limit)!r}; valid is "
            f"{LEAST_MEMORY_BYTES // 1_000_000}MB and more for each process"
        )
    if scheduler is not None:
        found = _ADDRESS.fullmatch(scheduler)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise ConfigError(
                f"scheduler {one_line(scheduler)!r}; valid is tcp://host:port or tls://host:port"
            )
    return limit


def _reached(scheduler: str) -> Client:
    """Connect to a scheduler, and leave nothing half-built where there is none."""
    from distributed import Client

    # What a user must know comes back as a result or an error.
    for name in ("distributed", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client = Client.__new__(Client)
    try:
        Client.__init__(client, scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError, TypeError) as error:
        # Left to itself it would be closed at the end of the process, with a traceback.
        with suppress(Exception):
            client.close(timeout=1)
        raise ConfigError(
            f"scheduler {one_line(scheduler)}: cannot be reached: {one_line(str(error))}"
        ) from None
    return client


class _Processes:
    """Processes of this computer; each does one task at a time, which dies with it alone."""

    def __init__(self, most: int, limit: int) -> None:
        self._most, self._limit = most, limit
        self._idle: list[_Worker] = []

    def run(
        self, function: Callable[[Any], Any], tasks: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        """Run a function on every task; see `RunTasks`."""
        waiting, deaths = deque(tasks), Counter[str]()
        busy: dict[Connection, tuple[_Worker, str]] = {}
        done: list[tuple[str, Any]] = []
        try:
            while waiting or busy or done:
                while waiting and len(busy) < self._most:
                    worker = self._idle.pop() if self._idle else _Worker()
                    busy[worker.link] = worker, waiting.popleft()
                    name = busy[worker.link][1]
                    # Where it was killed while idle, the answer says so.
                    with suppress(BrokenPipeError):
                        worker.link.send((name, function, tasks[name]))
                # Told while the next ones are worked on.
                yield from done
                done = []
                # To wait for nobody would take the whole time.
                answered = wait(list(busy), _LOOK_AT_MEMORY_S) if busy else []
                for link in cast("list[Connection]", answered):
                    worker, name = busy.pop(link)
                    try:
                        error, result = link.recv()
                    except (EOFError, ConnectionResetError):
                        worker.end()
                        deaths[name] += 1
                        if deaths[name] > _ALLOWED_FAILURES:
                            done.append((name, None))
                        else:
                            waiting.append(name)
                        continue
                    self._idle.append(worker)
                    if error:
                        raise TrainError(error)
                    done.append((name, result))
                for worker, _ in busy.values():
                    worker.end_if_larger(self._limit)
        finally:
            # Of a run that is cut short: nobody waits for their answers.
            for worker, _ in busy.values():
                worker.end()

    def end(self) -> None:
        """End all processes."""
        for worker in self._idle:
            worker.end()


class _Worker:
    """A process and the link to it."""

    def __init__(self) -> None:
        # Not a fork, which would copy locks of threads and whatever the caller holds.
        context = get_context("spawn")
        self.link, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        with _environment():
            self._process.start()
        theirs.close()

    def end(self) -> None:
        """End it now; what it was writing has a temporary name."""
        self._process.kill()
        self._process.join()
        self.link.close()

    def end_if_larger(self, limit: int) -> None:
        """End it where it has more resident memory than so many bytes."""
        import psutil

        with suppress(psutil.Error):
            if psutil.Process(self._process.pid).memory_info().rss > limit:
                self._process.kill()


@contextmanager
def _environment() -> Iterator[None]:
    """Give what is started meanwhile the environment of a worker.

    It is read when numpy is loaded, which may be before a worker's first line: whatever starts
    this process is imported there, too.
    """
    missing = _ENVIRONMENT.keys() - os.environ.keys()
    os.environ.update({name: _ENVIRONMENT[name] for name in missing})
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _work(link: Connection) -> None:
    """Do tasks until whoever gives them is gone."""
    # Ctrl-C reaches every process of a terminal, and each would print a traceback, as libraries
    # do where they crash: what a user must know comes back as a result or an error.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    with suppress(EOFError, ConnectionError):
        while True:
            name, function, task = link.recv()
            try:
                answer = "", function(task)
            except EdgeError as error:
                answer = str(error), None
            except Exception as error:
                answer = f"{name} failed with {describe_fault(error)}", None
            link.send(answer)


def _run_on_dask(
    client: Client, function: Callable[[Any], Any], tasks: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    from distributed import CancelledError, KilledWorker, as_completed
    from distributed.comm.core import CommClosedError

    futures = {
        client.submit(
            function, task, key=f"{function.__name__}-{name}-{id(tasks):x}", pure=False
        ): name
        for name, task in tasks.items()
    }
    try:
        for future in as_completed(list(futures), loop=client.loop):
            name = futures.pop(future)
            try:
                result = future.result()
            except KilledWorker:
                result = None
            except EdgeError:
                raise
            except (CancelledError, CommClosedError, OSError) as error:
                raise TrainError(
                    f"the scheduler was lost at {name}: {one_line(str(error))}; run again to resume"
                ) from None
            except Exception as error:
                raise TrainError(f"{name} failed with {describe_fault(error)}") from None
            # Released: neither client nor scheduler keeps what was taken.
            future.release()
            yield name, result
    finally:
        if futures:
            client.cancel(list(futures), force=True)
