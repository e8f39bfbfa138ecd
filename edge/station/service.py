"""Files that let a computer run ``edge-score`` by itself: systemd unit, crontab, logrotate."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.config import Settings, load_settings
from edge.errors import ConfigError
from edge.station.doctor import nearest_folder

# One rule for three formats, so that nothing is to be escaped: systemd takes % and $ for its own,
# cron %, logrotate the wildcards, and quoting differs in each.
_SAFE = re.compile(r"[\w /.,+=@-]+")
_STATE = Path("/var/lib")
# What the unit hides from the service.
_HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))
# Debian's cron cuts nothing, it refuses the crontab.
_LONGEST_CRON_LINE = 998


@dataclass(frozen=True, slots=True)
class Station:
    """Whom and what a service file is for.

    Attributes
    ----------
    inbox, out : Path
        Absolute, without links.
    config : Path or None
        Settings file.
    settings : Settings
        What stands in it.
    user : str or None
        Who is to run it; None where that follows from the owner of `out`.
    """

    inbox: Path
    out: Path
    config: Path | None
    settings: Settings
    user: str | None = None

    @property
    def command(self) -> list[str]:
        """The command line of this installation, without options that depend on the caller."""
        config = ["--config", str(self.config)] if self.config else []
        return [*_program(), "stream", str(self.inbox), "--out", str(self.out), *config]

    @property
    def log(self) -> Path:
        """Where the cron line writes what is no error."""
        return self.out / "edge-score.log"


def make_station(
    inbox: Path | None, out: Path | None, config: Path | None, user: str | None = None
) -> Station:
    """Check what service files are to name.

    Parameters
    ----------
    inbox, out : Path or None
        ``inbox`` and ``results`` beside the settings file where None.

    Raises
    ------
    ConfigError
        A folder is not told, a path or user has characters that service files give a meaning, or
        the settings file is not valid.
    """
    if config is not None:
        config = _real(config)
        inbox, out = inbox or config.parent / "inbox", out or config.parent / "results"
    if inbox is None or out is None:
        raise ConfigError("expected INBOX and OUT, or --config FILE with both beside it")
    inbox, out = _real(inbox), _real(out)
    if inbox == out:
        raise ConfigError(f"output folder {out.name}: is the inbox; results need another folder")
    # A service has none of the caller's variables.
    settings = load_settings(config, {}, {})
    if settings.bundle and not Path(settings.bundle).is_absolute():
        raise ConfigError(
            f"bundle: a service starts in /: expected an absolute path, got {settings.bundle!r}"
        )
    if settings.metrics and not Path(settings.metrics).is_absolute():
        raise ConfigError(
            f"metrics: a service starts in /: expected an absolute path, got {settings.metrics!r}"
        )
    named = (inbox, out, config, settings.bundle, settings.metrics, sys.executable, user)
    for text in map(str, filter(None, named)):
        if not _SAFE.fullmatch(text):
            raise ConfigError(
                f"{text!r}: service files take letters, digits, spaces and / . , + = @ _ -"
            )
    return Station(inbox, out, config, settings, user)


def systemd_unit(station: Station) -> str:
    """Write a unit for a watcher.

    Raises
    ------
    ConfigError
        The service would have to run as root.
    """
    form = [] if station.settings.log_format else ["--log-format", "journal"]
    command = " ".join(map(_word, [*station.command, *form]))
    account = "\n".join(_account(station))
    hidden = "\n".join((*_hidden(station), *_metrics(station)))
    return f"""\
# Scores what arrives in {station.inbox}.
# As /etc/systemd/system/edge-score.service, it starts by
#   systemctl daemon-reload && systemctl enable --now edge-score

[Unit]
Description=Score night-time half-orbits that arrive in a folder (research only)
RequiresMountsFor={_word(station.inbox)} {_word(station.out)}
# Tried again for ever: a station has nobody who would start it by hand.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
# The longest silence is the first half-orbit with spectra of DEMETER, whose kernel is compiled.
WatchdogSec=10min
TimeoutStartSec=5min
# A half-orbit that was begun is finished.
TimeoutStopSec=5min
Restart=on-failure
# Pauses grow from 10 s to 1 h. systemd before 254 says that it does not know the last two of
# these, and pauses 10 s each time.
RestartSec=10s
RestartSteps=8
RestartMaxDelaySec=1h

{account}
# The compiled kernel for spectra of DEMETER: without it each start that reads them takes seconds
# more, on a small computer a minute.
CacheDirectory=%N
Environment=NUMBA_CACHE_DIR=%C/%N
# Nothing here gains by threads of linear algebra; to start them costs a sixth of a run's processor.
Environment=OPENBLAS_NUM_THREADS=1

# Peak memory of a run (resident, x86-64): 80 MB; 220 MB while the kernel is compiled. On
# Raspberry Pi OS the limit holds with cgroup_enable=memory in cmdline.txt alone.
MemoryMax=512M
TasksMax=64
Nice=10

ProtectSystem=strict
{hidden}
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# Not ProcSubset=pid: the interpreter looks in /proc/cpuinfo for what the processor can do.
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
LockPersonality=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
# Not MemoryDenyWriteExecute: numba makes machine code at run time, and fails under it
# ("cannot allocate executable memory").
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Libraries that ask for more, such as a priority, take a no; they are not killed.
SystemCallErrorNumber=EPERM
# Nothing is sent anywhere. A command of yours that is to send an alarm needs
#   PrivateNetwork=no, IPAddressDeny= and RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
# (systemctl edit edge-score).
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX

[Install]
WantedBy=multi-user.target
"""


def cron_lines(station: Station) -> str:
    """Write the line of a crontab for one look every ten minutes.

    Raises
    ------
    ConfigError
        The line is longer than cron takes.
    """
    out, quote = station.out, shlex.quote
    settle = ["--settle", "60"] if station.settings.settle is None else []
    words = [
        # Silent while the run before this one is at work, which is no fault.
        *("flock", "-n", "-E", "0", str(out / ".cron.lock")),
        *("nice", "-n", "10", "timeout", "-v", "-k", "60", "3h"),
        *station.command,
        *("--once", *settle),
    ]
    line = (
        f"*/10 * * * * NUMBA_CACHE_DIR={quote(str(out / '.numba'))} OPENBLAS_NUM_THREADS=1 "
        f"{shlex.join(words)} "
        f">> {quote(str(station.log))}"
    )
    if len(os.fsencode(line)) > _LONGEST_CRON_LINE:
        raise ConfigError(
            f"crontab: expected a line of up to {_LONGEST_CRON_LINE} bytes, got "
            f"{len(os.fsencode(line))}; use shorter paths"
        )
    return f"""\
# edge-score: one look at the inbox every ten minutes (crontab -e, then add the line below).
# - Errors go to standard error, and so into cron's mail (MAILTO); the rest goes into the log. A
#   run that has nothing to do writes nothing.
# - timeout ends a run after 3 h and says so; what is left is done by the next one.
# - flock ends in silence while the run before is at work. Against any other edge-score the output
#   folder has a lock of its own: a run that finds it held says so and ends with exit code 3.
# - OPENBLAS_NUM_THREADS: threads of linear algebra gain nothing here, and starting them costs time.
{line}
"""


def logrotate_config(station: Station) -> str:
    """Write what keeps the log of the cron line small."""
    folder = nearest_folder(station.out)
    return f"""\
# The log of the cron line (edge-score service cron). As /etc/logrotate.d/edge-score.
"{station.log}" {{
    su {station.user or _owner(folder)} {_group(folder)}
    weekly
    maxsize 10M
    rotate 8
    compress
    missingok
    notifempty
    # A run that is at work keeps writing to the file that it opened.
    copytruncate
}}
"""


def _program() -> list[str]:
    """Start of the command line of this installation."""
    folder = Path(sys.executable).parent
    script = folder / "edge-score"
    # In an environment that was moved, it names an interpreter that is gone.
    with contextlib.suppress(OSError):
        if os.fsencode(folder) in script.read_bytes()[:500]:
            return [str(script)]
    # Without -P, a folder named edge where the service starts would be taken for ours.
    return [sys.executable, "-P", "-m", "edge.cli"]


def _account(station: Station) -> Iterator[str]:
    """Lines on who runs the service and where it may write."""
    if station.user:
        yield f"User={station.user}"
    if station.out.is_relative_to(_STATE) and station.out != _STATE:
        below = station.out.relative_to(_STATE)
        # systemd keeps the state of a dynamic user in "private", and a link to it.
        if below.parts[0] == "private":
            below = below.relative_to("private")
        if not station.user:
            yield "# A user that exists while the service runs. systemd keeps its results in"
            yield "# /var/lib/private, where root alone may look; --user NAME shows them to others."
            yield "DynamicUser=yes"
            if (group := _group(nearest_folder(station.inbox))) != "root":
                yield "# For files that the group of the inbox alone may read."
                yield f"SupplementaryGroups={group}"
        yield f"StateDirectory={_word(below)}"
        yield "# Readable for everybody who may enter the folder."
        yield "StateDirectoryMode=0755"
        return
    if not station.user:
        owner = _owner(nearest_folder(station.out))
        if owner == "root":
            raise ConfigError(
                f"output folder {station.out.name}: expected one below {_STATE}, or of a user "
                "who is not root, got one of root's; chown it, or give --user"
            )
        yield "# The owner of the results."
        yield f"User={owner}"
    if not _is_hidden(station.out):
        yield f"ReadWritePaths={_word(station.out)}"


def _hidden(station: Station) -> Iterator[str]:
    """Lines that hide the homes, and show of them what the service needs."""
    interpreter = _real(Path(sys.executable)).parents[1]
    wanted = [station.inbox, Path(sys.prefix), Path(sys.base_prefix), interpreter]
    # An editable installation is in its checkout.
    wanted.append(Path(__file__).parents[2])
    wanted += [station.config] if station.config else []
    wanted += [Path(station.settings.bundle)] if station.settings.bundle else []
    shown = list(_outermost(path for path in wanted if _is_hidden(path)))
    yield "ProtectHome=tmpfs"
    yield from (f"BindReadOnlyPaths={_word(path)}" for path in shown)
    if _is_hidden(station.out):
        yield f"BindPaths={_word(station.out)}"


def _metrics(station: Station) -> Iterator[str]:
    """Lines that let the service replace its file of metrics, which lies with those of others."""
    if station.settings.metrics:
        folder = _real(Path(station.settings.metrics).parent)
        if not folder.is_relative_to(station.out):
            # With a minus a folder that is not there keeps no service from its start.
            setting = "BindPaths" if _is_hidden(folder) else "ReadWritePaths"
            yield f"{setting}={_word(f'-{folder}')}"


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    """Leave out what lies within another of the paths."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
            yield path


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _HIDDEN)


def _real(path: Path) -> Path:
    """Follow links; Path.resolve would raise where they go in a circle."""
    return Path(os.path.realpath(path))


def _owner(folder: Path) -> str:
    """Name of a folder's owner, or the number of one that has no name."""
    number = folder.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(folder: Path) -> str:
    """Name of a folder's group, or the number of one that has no name."""
    number = folder.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _word(text: Path | str) -> str:
    return f'"{text}"' if " " in str(text) else str(text)
