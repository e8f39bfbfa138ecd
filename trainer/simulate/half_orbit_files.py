"""The files of one simulated half-orbit, of both missions and all payloads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.simulate import cses_payloads as cses_hpm
from trainer.simulate import cses_payloads as cses_plasma
from trainer.simulate import cses_waves, demeter_files
from trainer.simulate.background import Background
from trainer.simulate.demeter_layout import MODES, WAVE_PRODUCTS
from trainer.simulate.orbits import Pass
from trainer.simulate.plagues import PLAGUES, Plagues
from trainer.simulate.sampling import in_burst_zone

#: Probability that the plasma analyser of CSES-01 is off in a half-orbit. It was off for most of
#: the real mission, contaminated early on.
PAP_OFF = 0.8

_MISSION_CODE = {"cses": 1, "demeter": 2}
#: Purposes of the random streams of a half-orbit.
BACKGROUND, _PLAGUES, _PAP_STATE, _WAVES, _MODE = range(5)


def stream(seed: int, half_orbit: Pass, purpose: int) -> np.random.SeedSequence:
    """Seed of one purpose in one half-orbit: the same whatever else is simulated."""
    code = _MISSION_CODE[half_orbit.mission]
    return np.random.SeedSequence([seed, code, half_orbit.orbit, half_orbit.direction, purpose])


def burst_mode(half_orbit: Pass, seed: int, plagues: Plagues = PLAGUES) -> NDArray[np.bool_]:
    """Tell at which samples of a half-orbit its payloads are in burst mode, (n,) bool."""
    draw = np.random.default_rng(stream(seed, half_orbit, _MODE)).random()
    if draw >= plagues.burst:
        return np.zeros(len(half_orbit.time), np.bool_)
    return in_burst_zone(half_orbit)


def write_half_orbit(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    seed: int,
    pap_off: float = PAP_OFF,
    plagues: Plagues = PLAGUES,
) -> list[Path]:
    """Write the files of plasma and magnetic field of one half-orbit.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    state : Background
        State along it.
    seed : int
        Of the mission; plagues come from streams of their own.
    pap_off : float
        Probability that PAP is off (CSES-01).
    plagues : Plagues
        Their rates.

    Returns
    -------
    list of Path
        CSES-01: HPM_5, LAP_1 and perhaps PAP_0. DEMETER: 1144 and 1140, and 1143 and 1139 where
        it passes over a zone of burst mode; survey files then have a gap there.
    """
    streams = stream(seed, half_orbit, _PLAGUES).spawn(4)
    rngs = [np.random.Generator(np.random.PCG64(s)) for s in streams]
    burst = burst_mode(half_orbit, seed, plagues)
    if half_orbit.mission == "demeter":
        plan = [
            (apid, mode)
            for survey_burst in MODES.values()
            for apid, mode in zip(survey_burst, (~burst, burst), strict=True)
        ]
        written = [
            demeter_files.write_n1(folder, apid, half_orbit, state, rng, plagues, mode)
            for (apid, mode), rng in zip(plan, rngs, strict=True)
        ]
        return [path for path in written if path is not None]
    files = [
        cses_hpm.write_hpm(folder, half_orbit, state, rngs[0], plagues),
        cses_plasma.write_lap(folder, half_orbit, state, rngs[1], plagues, burst=burst),
    ]
    if np.random.default_rng(stream(seed, half_orbit, _PAP_STATE)).random() >= pap_off:
        files.append(cses_plasma.write_pap(folder, half_orbit, state, rngs[2], plagues, burst))
    return files


def write_wave_files(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    seed: int,
    plagues: Plagues = PLAGUES,
    bins: int = cses_waves.WAVE_BINS,
    components: int = 3,
) -> list[Path]:
    """Write the files of spectra of one half-orbit.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    state : Background
        With wave bands.
    seed : int
        Of the mission; spectra come from streams of their own.
    plagues : Plagues
        Their rates.
    bins, components : int
        Of the files of CSES-01, as of `cses_waves.write_waves`.

    Returns
    -------
    list of Path
        DEMETER: 1132 and 1137. CSES-01: EFD_2, EFD_3, SCM_2 and SCM_3.

    Raises
    ------
    ValueError
        If `state` has no wave bands.
    """
    if state.waves is None:
        raise ValueError(f"the background of half-orbit {half_orbit.name} has no wave bands")
    if half_orbit.mission == "cses":
        return cses_waves.write_waves(
            folder,
            half_orbit,
            seed,
            bins=bins,
            state=state.waves,
            plagues=plagues,
            burst=burst_mode(half_orbit, seed, plagues),
            components=components,
        )
    streams = stream(seed, half_orbit, _WAVES).spawn(len(WAVE_PRODUCTS))
    return [
        demeter_files.write_waves(
            folder, apid, half_orbit, np.random.Generator(np.random.PCG64(s)), plagues, state.waves
        )
        for apid, s in zip(WAVE_PRODUCTS, streams, strict=True)
    ]
