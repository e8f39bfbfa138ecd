"""Run a typer application so that every expected error is one line and an exit code."""

from __future__ import annotations

import copy
import gc
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from edge.errors import EdgeError, one_line

# typer publishes BadParameter, and not the wider error of a wrong call that it derives from.
_UsageError: Any = typer.BadParameter.__base__

#: The name that it is installed under.
DISTRIBUTION = "seqnetquake-edge"

# Set where standard output could not take everything, for a reason other than a closed pipe.
_lost_output = ""


class Commands(TyperGroup):
    """A group whose list of commands shows the first sentence of each, whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(n, c.get_short_help_str(limit=500)) for n, c in commands if c and not c.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _show_version(context: typer.Context, asked: bool) -> None:
    if asked:
        from edge.versions import version_line

        say([version_line(str(context.info_name))])
        raise typer.Exit


def version(
    show: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Take what stands before the command: the callback of an application."""


def run(app: typer.Typer, name: str, missing_is_ours: bool = True) -> NoReturn:
    """Run a command line and end the process.

    Parameters
    ----------
    name : str
        Of the command, which begins each line on standard error.
    missing_is_ours : bool, optional
        Whether to say that a module is missing; else that is raised.

    Raises
    ------
    ModuleNotFoundError

    Notes
    -----
    Exit codes: 0 done; 2 an input, setting or call is wrong, the installation is broken, memory
    is short, or the output cannot be written; 3 the output folder is held by another process;
    130 and 143 interrupted.
    """
    _open_streams()
    # What was imported stays: to search it for garbage is 6 % of a run that finds nothing new.
    gc.freeze()
    try:
        code = _asked_for(app, sys.argv[1:2])(standalone_mode=False, prog_name=name) or 0
    except EdgeError as error:
        complain(name, error)
        code = error.exit_code
    except _UsageError as error:
        # A name that is nearly right is mentioned in the message itself, or only beside it.
        text = error.message if "Did you mean" in error.message else error.format_message()
        complain(name, f"{one_line(text)} ({name} --help tells more)")
        code = 2
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and not missing_is_ours:
            raise
        # Found where it is needed, which may be long after the start.
        complain(
            name,
            one_line(
                f"the installation is broken: {error.name or 'a module'} cannot be imported "
                f"({error}); install {DISTRIBUTION} and what it needs again (make run in a "
                "checkout)"
            ),
        )
        code = 2
    except MemoryError:
        complain(name, "not enough memory; end other programs, or give this one more")
        code = 2
    say([])
    if _lost_output:
        complain(name, f"standard output: {_lost_output}")
        code = code or 2
    sys.exit(code)


def _asked_for(app: typer.Typer, argument: list[str]) -> typer.Typer:
    """Leave of an application the command that its first argument names, if that names one.

    typer builds every parameter of every command, which takes longer than to import it.
    """
    if app.registered_callback is None:
        # Its one command would be all of the application, and take no name.
        return app
    found = copy.copy(app)
    found.registered_commands = [
        c
        for c in app.registered_commands
        if [c.name or (c.callback.__name__.replace("_", "-") if c.callback else "")] == argument
    ]
    found.registered_groups = [g for g in app.registered_groups if [g.name] == argument]
    return found if found.registered_commands or found.registered_groups else app


def say(lines: Iterable[str]) -> None:
    """Print lines; where standard output is closed or full, the work goes on without it."""
    say_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))


def say_bytes(content: bytes) -> None:
    """Print bytes; see `say`."""
    global _lost_output
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        # A reader of a pipe that has seen enough is no fault.
        if not isinstance(error, BrokenPipeError):
            _lost_output = error.strerror or str(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(name: str, message: EdgeError | str) -> None:
    """Write one line on standard error, if there is one.

    Parameters
    ----------
    name : str
        Of the command.
    """
    say_error(f"{name}: {message}")


def say_error(line: str) -> None:
    """Write a line on standard error, if there is one."""
    try:
        sys.stderr.buffer.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        sys.stderr.buffer.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _open_streams() -> None:
    """Give a process that was started with closed streams something to write to."""
    for number, stream in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, stream) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            if null != number:
                os.dup2(null, number)
            setattr(sys, stream, os.fdopen(number, "w", closefd=False))
