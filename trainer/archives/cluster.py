"""Runs tasks on dask.distributed: on this computer's processes, or on a scheduler that is given."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from edge.errors import ConfigError, EdgeError, describe_fault, one_line
from trainer.common.errors import TrainError

if TYPE_CHECKING:
    from distributed import Client

_Task = TypeVar("_Task")

#: Memory that one worker may take; one that takes more is ended and started anew.
DEFAULT_MEMORY_LIMIT = "2GiB"
# Workers that may die over one task, beside the first, before it is taken for the cause.
_ALLOWED_FAILURES = 2
_CONNECT_S = 30
#: With less a worker is paused or ended before its first task: it takes 160 MB to start.
LEAST_MEMORY_BYTES = 512_000_000
#: Without a worker for so long, there is none to wait for.
WORKER_S = 120.0
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")

_QUIET = {
    # One task a worker: what dies with it is what it worked on, and nothing that queued.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": _ALLOWED_FAILURES,
    # Each process writes its own log to standard error; what a user must know comes back as
    # a result or an error. A worker sets its levels when it starts, from its environment.
    **{
        f"distributed.nanny.pre-spawn-environ.DASK_LOGGING__{name}": "critical"
        for name in ("DISTRIBUTED", "TORNADO", "ASYNCIO")
    },
    "distributed.worker.preload": ["trainer.archives.quiet_worker"],
    "distributed.diagnostics.nvml": False,
    "distributed.admin.tick.limit": "1h",
}


@contextmanager
def connect(
    workers: int, scheduler: str | None = None, memory_limit: str = DEFAULT_MEMORY_LIMIT
) -> Iterator[Client]:
    """Give a client of a cluster of processes on this computer, or of one that runs already.

    Parameters
    ----------
    workers : int
        Processes, one thread each; unused where a scheduler is given.
    scheduler : str, optional
        Address, ``tcp://host:port``. Its workers must have this package in the same version,
        and see archive and output under the same paths.
    memory_limit : str, optional
        Of each local process, such as ``2GiB``.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ConfigError
        The memory limit is none or too small, the scheduler cannot be reached, or no worker
        comes up.

    Notes
    -----
    A local cluster listens on 127.0.0.1 alone and has no dashboard.
    """
    import dask
    from distributed import Client, LocalCluster

    limit = check_cluster(scheduler, memory_limit)
    with ExitStack() as stack:
        stack.enter_context(_silenced("distributed", "tornado.application", "asyncio"))
        if scheduler is not None:
            client = stack.enter_context(_reached(scheduler))
            _await_worker(client, f"scheduler {one_line(scheduler)}")
            yield client
            return
        stack.enter_context(dask.config.set(_QUIET))
        folder = stack.enter_context(
            TemporaryDirectory(prefix="edge-train-", ignore_cleanup_errors=True)
        )
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=limit,
            silence_logs=logging.CRITICAL,
            local_directory=folder,
        )
        stack.enter_context(cluster)
        client = stack.enter_context(Client(cluster, set_as_default=False))
        _await_worker(client, f"memory limit {one_line(memory_limit)}")
        yield client


def check_cluster(scheduler: str | None, memory_limit: str) -> int:
    """Refuse what no cluster can be made of, before anything is begun.

    Parameters
    ----------
    scheduler : str or None
    memory_limit : str

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


def _await_worker(client: Client, what: str) -> None:
    """Refuse to wait for ever where no worker comes up."""
    try:
        client.wait_for_workers(1, timeout=WORKER_S)
    except TimeoutError:
        raise ConfigError(f"{what}: no worker came up within {WORKER_S:g} s") from None


def run_tasks(
    client: Client, function: Callable[[_Task], Any], tasks: Mapping[str, _Task]
) -> Iterator[tuple[str, Any]]:
    """Run a function on every task, and give the results as they come.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        Of a module that the workers can import. To run twice must do no harm: a task whose
        worker dies is given to another one.
    tasks : mapping of str to object

    Yields
    ------
    name : str
    result : object
        None where the task ended every worker that tried it.

    Raises
    ------
    EdgeError
        That a task raised, or that says what else went wrong.
    """
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


@contextmanager
def _silenced(*names: str) -> Iterator[None]:
    """Keep the notes of this process's own scheduler and nannies from standard error."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
