"""Readers of half-orbit payload files, one module a mission format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.readers.halforbit import Channel, HalfOrbit, Payload, Track
    from edge.readers.names import FileName, parse_name
    from edge.readers.opening import open_half_orbit, read_half_orbit, read_payload
    from edge.readers.sniffing import sniff

_PUBLIC = {
    "Channel": "edge.readers.halforbit",
    "FileName": "edge.readers.names",
    "HalfOrbit": "edge.readers.halforbit",
    "Payload": "edge.readers.halforbit",
    "Track": "edge.readers.halforbit",
    "open_half_orbit": "edge.readers.opening",
    "parse_name": "edge.readers.names",
    "read_half_orbit": "edge.readers.opening",
    "read_payload": "edge.readers.opening",
    "sniff": "edge.readers.sniffing",
}

__all__ = [
    "Channel",
    "FileName",
    "HalfOrbit",
    "Payload",
    "Track",
    "open_half_orbit",
    "parse_name",
    "read_half_orbit",
    "read_payload",
    "sniff",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'edge.readers' has no attribute {name!r}")
