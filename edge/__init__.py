"""Night-time windows of CSES and DEMETER half-orbits, scored by a quantised model.

The public names below are imported on first use, so that ``import edge`` and
``edge-score --help`` stay cheap on a small computer.

- `cli`, `options`, `entry`, `config`, `errors`, `events`: the command, its settings, what can go
  wrong
- `watching`, `stream`, `plan`, `inbox`, `outputs`, `results`: files in, results out
- `ledger` and its `ledger_file`, `ledger_records`, `ledger_schema`: what was seen, done and failed
- `scoring`, `runtime`, `bundle`, `climatology`, `windows`, `night`, `grid`: a half-orbit to scores
- `observables`, `units`, `geodesy`, `geomagnetic`, `circles`: what is measured, and where
- `readers`: bytes to channels
- `show`: what a person looks at; `table` for Python
- `station`: what stands around the scorer
- `arrays`, `jit`, `text`, `versions`: small helpers
"""

from __future__ import annotations

from importlib import import_module

#: The version that the next release is made of; ``__version__`` adds the commit.
RELEASE = "0.2.0"

__version__: str

_PUBLIC = {
    "Bundle": "edge.bundle",
    "Card": "edge.bundle",
    "Channel": "edge.readers",
    "EdgeError": "edge.errors",
    "HalfOrbit": "edge.readers",
    "Profile": "edge.observables",
    "ScoreTable": "edge.table",
    "open_half_orbit": "edge.readers",
    "score": "edge.table",
}

__all__ = [
    "RELEASE",
    "Bundle",
    "Card",
    "Channel",
    "EdgeError",
    "HalfOrbit",
    "Profile",
    "ScoreTable",
    "__version__",
    "open_half_orbit",
    "score",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use; likewise find the version out."""
    if name == "__version__":
        version = import_module("edge.versions").code_version()
        globals()[name] = version
        return version
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'edge' has no attribute {name!r}")
