"""Simulated missions: half-orbits in the native formats of CSES-01 and DEMETER.

Nothing that this package writes is an observation. Every file, catalogue and truth table of a
simulated mission says that it is simulated.

- `orbits`, `elements`: sgp4 half-orbits of both missions, and of a two-line element set
- `geometry`: Sun, sidereal time, centred dipole, distances
- `space_weather`: simulated Kp and F10.7
- `parameters`, `environment`, `background`, `bubbles`, `waves`, `noise`: plasma, magnetic field and
  wave bands along a half-orbit: means, and noise of known covariance; `moments`: both on the grid
- `seismicity`, `precursor_model`, `precursors`: catalogues, perturbations before their events
- `sampling`, `spectra`, `plagues`: rows, native spectra, and what plagues real files
- `cses_files`, `cses_payloads`, `cses_waves`: writers of CSES-01 Level-2 files
- `demeter_layout`, `demeter_files`: writers of DEMETER N1 files
- `half_orbit_files`, `mission`, `mission_options`: all of it together
- `inject`, `inject_files`, `inject_strength`: perturbations put into a copy of an archive
- `commands`: ``edge-train simulate``, ``inject``
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
