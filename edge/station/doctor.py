"""Find out what keeps a computer from scoring, whatever of it is broken.

Each check is guarded, and nothing but the standard library is imported outside one. What could
take the process down (libraries with machine code) runs in a child process.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from edge.errors import EdgeError, describe_fault, one_line

if TYPE_CHECKING:
    from edge.config import Settings

Status = Literal["ok", "warn", "FAIL"]

_PACKAGE = Path(__file__).resolve().parents[1]
_SPECTRA = "spectra of DEMETER"
_ANEW = f"compiled anew by each run that reads {_SPECTRA}"
_LIBRARIES = ("click", "h5py", "llvmlite", "msgspec", "numba", "numpy", "typer", "watchdog")
_INSTALL = "install the package again from its locks (make run)"
_SYSTEMS = "Debian 12 and 13, Ubuntu 22.04 and later, 64-bit Raspberry Pi OS 12 and 13"
_PYTHONS = ((3, 11), (3, 14))
# STRICT tables.
_SQLITE = (3, 37, 0)
_MB = 2**20
# A run that compiles every kernel takes a minute on a small computer.
_TRIAL_S = 600
_DAY_S = 86_400.0
# A huge archive is judged by a part of it.
_MOST_FILES = 20_000

_TRIAL = """
import sys
sys.path.insert(0, sys.argv[1])
from edge.station.trial import trial
trial(sys.argv[2])
"""


class Finding(NamedTuple):
    """What a check found."""

    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check with its finding.

    Attributes
    ----------
    status : {"ok", "warn", "FAIL"}
        The station works, or may stop to; or does not.
    text : str
        One line: what was found, and what to do.
    """

    name: str
    status: Status
    text: str


class Doctor:
    """The checks of a station.

    Parameters
    ----------
    inbox, out : Path or None
        What is None is not checked.
    settings : callable
        Gives the settings; called within a check, as they may be what is broken.
    now : callable, optional
        This computer's clock, in seconds since 1970.
    """

    def __init__(
        self,
        inbox: Path | None,
        out: Path | None,
        settings: Callable[[], Settings],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inbox, self._out = inbox, out
        self._load_settings = settings
        self._now = now
        self._closed: list[OSError] = []

    def checks(self) -> Iterator[Check]:
        """Yield each check as it is done, the cheap ones first."""
        todo: list[tuple[str, Callable[[], Finding]]] = [
            ("machine", _machine),
            ("python", _python),
            ("libraries", self._libraries),
            ("settings", self._settings),
            ("bundle", self._bundle),
            ("clock", self._clock),
        ]
        if self._inbox is not None:
            todo.append(("inbox", self._check_inbox))
        if self._out is not None:
            todo += [("out", self._check_out), ("disk", self._disk)]
        todo += [("kernels", self._kernels), ("scoring", self._scoring)]
        for name, check in todo:
            status, text = guarded(check)
            yield Check(name, status, one_line(text))

    def _runtime(self) -> str:
        """Name of the interpreter that is asked for, whatever is wrong with the settings."""
        try:
            return self._load_settings().runtime
        except Exception:
            return "auto"

    def _libraries(self) -> Finding:
        import watchdog.observers

        from edge.versions import code_version, installed_runtime

        assert watchdog.observers
        found = {name: _version(name) for name in _LIBRARIES}
        missing = sorted(name for name, version in found.items() if version is None)
        if missing:
            return Finding("FAIL", f"not installed: {', '.join(missing)}; {_INSTALL}")
        runtime = installed_runtime(self._runtime())
        code = f"edge-score {code_version()}"
        text = ", ".join([code, runtime, *(f"{name} {version}" for name, version in found.items())])
        if runtime.startswith("tflite-runtime") and not str(found["numpy"]).startswith("1."):
            return Finding("FAIL", f"tflite-runtime works with numpy 1, got {text}; {_INSTALL}")
        return Finding("ok", text)

    def _settings(self) -> Finding:
        return Finding("ok", _shown(self._load_settings()))

    def _bundle(self) -> Finding:
        from edge.bundle import load_bundle
        from edge.show.report import training_line

        card = load_bundle(self._load_settings().bundle_folder).card
        worth = training_line(card.trained_on)
        return Finding("ok", f"{card.name}, every file as its card says. {worth}")

    def _clock(self) -> Finding:
        now = self._now()
        text = f"{_utc(now)} UTC"
        installed = max(path.stat().st_mtime for path in _PACKAGE.glob("*.py"))
        remedy = "set it, or let it be set (timedatectl set-ntp true)"
        if now < installed - _DAY_S:
            return Finding(
                "FAIL", f"{text} is before this code was installed, {_utc(installed)}; {remedy}"
            )
        newest = max(self._acquired(), default=None)
        if newest is None:
            return Finding("ok", text)
        end, name = newest
        if now < end:
            return Finding(
                "FAIL", f"{text} is before the data of {name} end, {_utc(end)}; {remedy}"
            )
        return Finding("ok", f"{text}; the newest data in the inbox end {_utc(end)}")

    def _acquired(self) -> Iterator[tuple[float, str]]:
        """Yield when the data of each payload file end, by its name."""
        from edge.errors import InputError
        from edge.readers.names import parse_name

        for path in self._files:
            try:
                yield parse_name(path).end.replace(tzinfo=UTC).timestamp(), path.name
            except InputError:
                continue

    @cached_property
    def _files(self) -> list[Path]:
        if self._inbox is None:
            return []
        found: list[Path] = []
        for folder, _, names in os.walk(self._inbox, onerror=self._closed.append):
            found += (Path(folder, name) for name in names if not name.startswith("."))
            if len(found) >= _MOST_FILES:
                break
        return found

    def _check_inbox(self) -> Finding:
        inbox = self._inbox
        assert inbox is not None
        who = f"this user ({_user()})"
        if not inbox.is_dir():
            return Finding("FAIL", f"{inbox}: expected a folder; make it: mkdir -p {inbox}")
        if not os.access(inbox, os.R_OK | os.X_OK):
            return Finding("FAIL", f"{inbox}: {who} may not list it, mode {_mode(inbox)}")
        files = self._files
        if self._closed:
            return Finding("FAIL", f"{who} may not list all of it: {self._closed[0]}")
        closed = [p for p in files if not os.access(p, os.R_OK) and p.exists()]
        if closed:
            return Finding(
                "FAIL",
                f"{len(closed)} of {len(files)} files may not be read by {who}, such as "
                f"{closed[0].name}, mode {_mode(closed[0])}",
            )
        return Finding("ok", f"{inbox}: {len(files)} files, all may be read by {who}")

    def _check_out(self) -> Finding:
        import fcntl

        out = self._out
        assert out is not None
        if not out.exists():
            parent = nearest_folder(out)
            if os.access(parent, os.W_OK | os.X_OK):
                return Finding("ok", f"{out}: not there yet, will be made")
            return Finding(
                "FAIL", f"{out}: cannot be made by {_user()}; make it and give it to them"
            )
        with tempfile.TemporaryFile(dir=out) as trial_file:
            trial_file.write(b"edge-score")
            trial_file.flush()
            os.fsync(trial_file.fileno())
            try:
                fcntl.flock(trial_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                return Finding("warn", f"{out}: its file system has no locks: {error.strerror}")
        return Finding("ok", f"{out}: can be written to by this user ({_user()})")

    def _disk(self) -> Finding:
        assert self._out is not None
        folder = nearest_folder(self._out)
        space, nodes = shutil.disk_usage(folder), os.statvfs(folder)
        share = space.free / max(space.total, 1)
        text = f"{space.free / _MB:.0f} MB free, {share:.0%}"
        status: Status = "ok"
        if space.free < 500 * _MB:
            status = "FAIL" if space.free < 50 * _MB else "warn"
        # Some file systems count no inodes.
        if nodes.f_files:
            text += f"; {nodes.f_favail} inodes free, {nodes.f_favail / nodes.f_files:.0%}"
            if nodes.f_favail < 10_000:
                status = "FAIL" if nodes.f_favail < 100 or status == "FAIL" else "warn"
        remedy = "" if status == "ok" else "; make room, else results cannot be written"
        return Finding(status, text + remedy)

    @cached_property
    def _trial(self) -> dict[str, Any]:
        """What a child process found that loaded everything and scored what ships."""
        try:
            from edge.outputs import json_lines

            settings = json_lines([self._load_settings()]).decode()
        except Exception:
            settings = "{}"
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _TRIAL, str(_PACKAGE.parent), settings],
                capture_output=True,
                timeout=_TRIAL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"fault": f"was not scored within {_TRIAL_S} s"}
        found: dict[str, Any] = {}
        for line in done.stdout.splitlines():
            if line.startswith(b"{"):
                found |= json.loads(line)
        if "scoring" not in found:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            end = f"exit code {done.returncode}"
            if done.returncode < 0:
                end = f"signal {signal.Signals(-done.returncode).name}"
            found["fault"] = f"ended the process with {end}: {''.join(last)}"
        return found

    def _kernels(self) -> Finding:
        found = self._trial.get("kernels")
        if found is None:
            return Finding("FAIL", f"could not be loaded: {self._trial['fault']}; {_INSTALL}")
        if "fault" in found:
            return Finding("FAIL", found["fault"])
        if not found["compiled"]:
            return Finding(
                "warn", f"numba is switched off (NUMBA_DISABLE_JIT): {_SPECTRA} take long"
            )
        remedy = "name a folder that can be written to in NUMBA_CACHE_DIR"
        if not found["folders"]:
            return Finding("warn", f"no folder to keep them, {_ANEW}; {remedy}")
        where = ", ".join(found["folders"])
        if not found["writable"]:
            return Finding("warn", f"{where}: cannot be written to, {_ANEW}; {remedy}")
        if found["damaged"]:
            return Finding(
                "warn", f"{where}: {found['damaged']} damaged files, which are compiled anew"
            )
        return Finding("ok", f"kept in {where}")

    def _scoring(self) -> Finding:
        found = self._trial
        if "fault" in found:
            return Finding("FAIL", f"what ships with the package {found['fault']}; {_INSTALL}")
        return Finding(*found["scoring"])


def line(check: Check) -> str:
    """Write a check for a person."""
    return f"{check.status:<4}  {check.name}: {check.text}"


def as_json(checks: list[Check]) -> str:
    """One JSON object with the checks, and ``ok``: whether none of them failed."""
    whole = all(check.status != "FAIL" for check in checks)
    return json.dumps({"ok": whole, "checks": [asdict(check) for check in checks]})


def nearest_folder(path: Path) -> Path:
    """Give a path, or the nearest of the folders above it that exists."""
    path = path.absolute()
    # Path.exists would raise where a folder may not be entered.
    return next(p for p in (path, *path.parents) if os.path.lexists(p))


def guarded(check: Callable[[], Finding]) -> Finding:
    """Make whatever a check stumbles over its finding."""
    try:
        return check()
    except EdgeError as error:
        return Finding("FAIL", str(error))
    except ImportError as error:
        return Finding("FAIL", f"cannot be loaded: {error}; {_INSTALL}")
    except OSError as error:
        return Finding("FAIL", str(error))
    except Exception as error:
        return Finding("FAIL", describe_fault(error))


def _machine() -> Finding:
    machine, system = platform.machine(), platform.system()
    if sys.maxsize < 2**32:
        return Finding(
            "FAIL",
            f"32-bit Python on {machine}: numba, llvmlite and h5py have no packages for it; "
            f"install a 64-bit system ({_SYSTEMS})",
        )
    if system != "Linux" or machine not in ("x86_64", "aarch64"):
        return Finding(
            "FAIL", f"expected Linux on x86_64 or aarch64, got {system} on {machine}: {_SYSTEMS}"
        )
    libc = _glibc()
    if libc is None:
        return Finding("FAIL", f"no glibc, which the packages need; install one of {_SYSTEMS}")
    needed = max(filter(None, map(_needed_glibc, (*_LIBRARIES, *_runtimes()))), default=(2, 17))
    text = f"{machine}, glibc {libc[0]}.{libc[1]}, {os.cpu_count()} processors"
    if libc < needed:
        return Finding(
            "FAIL",
            f"{text}: the installed packages need glibc {needed[0]}.{needed[1]}; "
            f"install one of {_SYSTEMS}",
        )
    return Finding("ok", text)


def _python() -> Finding:
    import sqlite3

    text = f"{platform.python_version()} ({sys.executable}), SQLite {sqlite3.sqlite_version}"
    low, high = (".".join(map(str, version)) for version in _PYTHONS)
    if not _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]:
        return Finding("FAIL", f"expected Python {low} to {high}, got {text}")
    if sqlite3.sqlite_version_info < _SQLITE:
        return Finding("FAIL", f"expected SQLite 3.37 or later, got {text}: {_SYSTEMS}")
    return Finding("ok", text)


def _runtimes() -> list[str]:
    from edge.versions import RUNTIMES

    return [distribution for _, distribution in RUNTIMES.values()]


def _glibc() -> tuple[int, int] | None:
    try:
        found = re.fullmatch(r"glibc (\d+)\.(\d+).*", os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (OSError, ValueError):
        return None
    return (int(found[1]), int(found[2])) if found else None


def _needed_glibc(distribution: str) -> tuple[int, int] | None:
    """Return the oldest glibc that a wheel was built for, as its tags tell."""
    from importlib import metadata

    try:
        tags = metadata.distribution(distribution).read_text("WHEEL") or ""
    except metadata.PackageNotFoundError:
        return None
    found = re.findall(r"manylinux_(\d+)_(\d+)_", tags)
    return min(((int(major), int(minor)) for major, minor in found), default=None)


def _version(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _shown(settings: Settings) -> str:
    """Say which settings differ from their defaults."""
    names = settings.__struct_fields__
    defaults = type(settings)()
    changed = {n: v for n in names if (v := getattr(settings, n)) != getattr(defaults, n)}
    return ", ".join(f"{n} = {v!r}" for n, v in changed.items()) or "all at their defaults"


def _mode(path: Path) -> str:
    import stat

    found = path.stat()
    return f"{stat.filemode(found.st_mode)} of user {found.st_uid}, group {found.st_gid}"


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
