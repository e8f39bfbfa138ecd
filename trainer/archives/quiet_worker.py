"""Loaded by every process of a local cluster when it starts; see `trainer.archives.cluster`."""

from __future__ import annotations

import os
import signal
import sys
import threading


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C and standard error to the client.

    Parameters
    ----------
    worker : distributed.Worker
        Unused; the name and the argument are those that dask calls.

    Notes
    -----
    A terminal sends Ctrl-C to every process of the group, and each would print a traceback, as
    does one that is ended while it starts. The client ends its workers itself.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.__stderr__.fileno() if sys.__stderr__ is not None else 2)
    os.close(null)
