"""Attributes of variable-length text, read in a process of their own.

Such text lies in the file's global heaps. libhdf5 walks a damaged heap for ever and takes
whatever memory a reference claims, so it is never let near one in the process of a
station. The files that were seen write their orbit, direction and units with a fixed
length: for them no process is started.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from edge.errors import InputError

_SECONDS = 5
_MOST_BYTES = 256 * 1024 * 1024

# Run by `python -c`: it imports nothing of ours, and prints {"dataset@attribute": text}.
_PROGRAM = f"""
import json, resource, sys
import h5py
resource.setrlimit(resource.RLIMIT_CPU, ({_SECONDS}, {_SECONDS}))
with open("/proc/self/statm") as stream:
    pages = int(stream.read().split()[0])
limit = pages * resource.getpagesize() + {_MOST_BYTES}
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
found = {{}}
with h5py.File(sys.argv[1], "r") as file:
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
print(json.dumps(found))
"""


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
        The process crashed, took more than 5 s of processor time (8 s in all), or wanted more
        than 256 MiB.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS + 3,
            check=True,
        )
        found = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        raise InputError(
            path, "damaged HDF5: its attributes of variable-length text cannot be read"
        ) from None
    return {str(key): str(value) for key, value in found.items()}
