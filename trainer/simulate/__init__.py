"""Simulated missions: half-orbits in the native formats of CSES-01 and DEMETER.

Nothing that this package writes is an observation. Every file, catalogue and truth table of a
simulated mission says that it is simulated.

Modules
-------
geometry
    Sun, sidereal time, centred dipole, distances.
elements, two_line, orbits
    sgp4 half-orbits of both missions, and of a two-line element set.
space_weather, conditions
    Simulated Kp and F10.7, and what the ionosphere remembers of them.
parameters, environment, bubbles, field, lightning, wave_state, noise, background
    Plasma, magnetic field and wave bands along a half-orbit: means, and noise of known covariance.
seismicity
    Simulated catalogues, and the reader of catalogues in the ComCat layout.
precursor_model, precursors
    Perturbations before catalogue events, and the truth table.
spectra, transmitters
    Native spectra of the wave bands, with lines.
sampling, plagues
    Rows and modes of the payloads, and what plagues real files.
cses_layout, cses_files, cses_hpm, cses_plasma, cses_scalar, cses_waves
    Writers of CSES-01 Level-2 files.
demeter_layout, demeter_header, demeter_files
    Writers of DEMETER N1 files.
half_orbit_files, mission
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
