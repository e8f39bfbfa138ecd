"""Attributes of variable-length text, read in a process of their own.

Such text lies in the file's global heaps. libhdf5 walks a damaged heap for ever and takes
whatever memory a reference claims, so it is never let near one in the process of a
station. The files that were seen write their orbit, direction and units with a fixed
length: for them no process is started.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from edge.errors import InputError
from edge.readers.sniffing import explain_os_error, system_errno

_SECONDS = 5
_MAX_BYTES = 256 * 1024 * 1024

# Run by `python -c`: it imports nothing of ours. It prints "ready" once it is able to work, and
# then {"dataset@attribute": text}, or the fault that it met as a text. Only what comes after
# "ready" can be the file's fault.
_PROGRAM = f"""
import json, resource, sys
import h5py
used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
# The hard limit lies above: at both together the kernel sends SIGKILL, as anyone might.
resource.setrlimit(resource.RLIMIT_CPU, (int(used) + {_SECONDS}, int(used) + 2 * {_SECONDS}))
with open("/proc/self/statm") as stream:
    pages = int(stream.read().split()[0])
limit = pages * resource.getpagesize() + {_MAX_BYTES}
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
short = 0 <= hard < limit
limit = hard if short else limit
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
print("ready", flush=True)
try:
    found = {{}}
    with h5py.File(sys.argv[1], "r", locking=False) as file:
        names = [n for n in file if isinstance(file.get(n, getlink=True), h5py.HardLink)]
        for name in ["", *names[:200]]:
            item = file[name] if name else file
            for key in list(item.attrs)[:200]:
                attribute = item.attrs.get_id(key)
                text = h5py.check_string_dtype(attribute.dtype)
                if text is None or text.length is not None or attribute.shape not in ((), (1,)):
                    continue
                value = item.attrs[key]
                value = value if isinstance(value, (str, bytes)) else value[0]
                value = value.decode("latin-1") if isinstance(value, bytes) else value
                found[name + "@" + key] = value[:200]
except Exception as error:
    found = str(error)
    if short and (isinstance(error, MemoryError) or "alloc" in found):
        found = "errno = 12"
print(json.dumps(found))
"""

# What a damaged heap does to the process; it ends itself after its time of the processor.
_DEADLY = {
    -signal.SIGSEGV,
    -signal.SIGBUS,
    -signal.SIGABRT,
    -signal.SIGFPE,
    -signal.SIGILL,
    -signal.SIGXCPU,
}


def variable_texts(path: Path) -> dict[str, str]:
    """Read every single text of variable length in the root group's attributes.

    Parameters
    ----------
    path : Path
        An HDF5 file.

    Returns
    -------
    dict of str to str
        Keys ``dataset@attribute``, and ``@attribute`` for the root group's own.

    Raises
    ------
    InputError
        The process crashed, took more than 5 s of processor time, or wanted more than
        256 MiB. Transient where it could not start, was ended by another, got no processor
        time within 30 s, or a system call failed.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            # On a busy station: what the file costs is bounded by the processor time.
            timeout=6 * _SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _busy(path, "did not answer in time") from None
    except OSError as error:
        raise explain_os_error(path, error) from None
    first, _, rest = done.stdout.partition(b"\n")
    if first != b"ready":
        raise _busy(path, "could not start")
    if done.returncode < 0 and done.returncode not in _DEADLY:
        raise _busy(path, f"was ended by signal {-done.returncode}")
    try:
        found = json.loads(rest)
    except ValueError:
        found = ""
    if isinstance(found, dict):
        return {str(key): str(value) for key, value in found.items()}
    fault = OSError(str(found))
    if system_errno(fault):
        raise explain_os_error(path, fault)
    raise InputError(path, "damaged HDF5: its attributes of variable-length text cannot be read")


def _busy(path: Path, what: str) -> InputError:
    return InputError(
        path, f"the process that reads its variable-length text {what}", transient=True
    )
