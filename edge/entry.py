"""Run a typer application so that every expected error is one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import typer

from edge.errors import EdgeError, one_line

# typer publishes BadParameter, and not the wider error of a wrong call that it derives from.
_UsageError: Any = typer.BadParameter.__base__


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run a command line and end the process.

    Parameters
    ----------
    app : typer.Typer
    name : str
        Of the command, which begins each line on standard error.

    Notes
    -----
    Exit codes: 0 done; 2 an input, setting or call is wrong; 3 the output folder is
    held by another process; 130 interrupted.
    """
    try:
        code = app(standalone_mode=False, prog_name=name)
        sys.stdout.flush()
    except EdgeError as error:
        complain(name, error)
        code = error.exit_code
    except _UsageError as error:
        complain(name, f"{one_line(error.format_message())} ({name} --help tells more)")
        code = 2
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def complain(name: str, message: EdgeError | str) -> None:
    """Write one line on standard error.

    Parameters
    ----------
    name : str
        Of the command.
    message : EdgeError or str
    """
    sys.stderr.write(f"{name}: {message}\n")
    sys.stderr.flush()
