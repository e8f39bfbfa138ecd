"""Simulated missions: half-orbits in the native formats of CSES-01 and DEMETER.

Nothing that this package writes is an observation. Every file, catalogue and truth table of a
simulated mission says that it is simulated.

Modules
-------
geometry
    Sun, sidereal time, centred dipole, distances.
elements, orbits
    sgp4 half-orbits of both missions.
background
    Smooth plasma and magnetic background with correlated noise.
seismicity
    Simulated catalogues, and the reader of catalogues in the ComCat layout.
precursors
    Perturbations before catalogue events, and the truth table.
waves
    Survey spectra of the electric and magnetic field.
cses_layout, cses_files, cses_waves, demeter_files
    Writers of the native formats.
mission
    All of it together: :func:`simulate_mission`.
command
    The ``edge-train simulate`` command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.simulate.mission import simulate_mission

__all__ = ["simulate_mission"]


def __getattr__(name: str) -> Any:
    """Import the public name on first use, so that a help text stays cheap."""
    if name == "simulate_mission":
        from trainer.simulate.mission import simulate_mission

        return simulate_mission
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
