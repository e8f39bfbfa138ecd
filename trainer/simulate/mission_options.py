"""Options of a simulated mission: their ranges, and the record of them beside the archive."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from trainer.simulate import precursor_model, space_weather
from trainer.simulate.background import PARAMETERS
from trainer.simulate.cses_waves import FEWEST_WAVE_BINS, FILE_BINS
from trainer.simulate.elements import TwoLineElements
from trainer.simulate.orbits import MISSION_YEARS, check_mission
from trainer.simulate.plagues import Plagues

#: What is written: plasma and magnetic field, spectra, or both.
PROFILES = ("plasma", "waves", "full")


def check_mission_options(
    mission: str,
    start: np.datetime64,
    end: np.datetime64,
    seed: int,
    injection: float,
    pap_off: float,
) -> None:
    """Raise ValueError naming a bad value and its range."""
    check_mission(mission)
    first, last = MISSION_YEARS[mission]
    if np.isnat(start) or np.isnat(end) or not start < end:
        raise ValueError(f"start {start} must come before end {end}")
    if start < first or end > last:
        raise ValueError(
            f"{start}..{end} is outside of what can be simulated for {mission}: {first}..{last}"
        )
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if not 0.0 <= injection <= 100.0:
        raise ValueError(f"injection must be in 0..100 standard deviations, not {injection}")
    if not 0.0 <= pap_off <= 1.0:
        raise ValueError(f"probability of PAP being off must be in 0..1, not {pap_off}")


def check_file_options(
    mission: str, profile: str, tle: Path | None, wave_bins: int, wave_components: int
) -> None:
    """Raise ValueError naming a bad value of what is written, and its range."""
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r} is unknown; valid: {', '.join(PROFILES)}")
    if tle is not None and mission != "cses":
        raise ValueError(f"{tle}: two-line elements serve mission cses alone, not {mission}")
    if not FEWEST_WAVE_BINS <= wave_bins <= FILE_BINS:
        valid = f"{FEWEST_WAVE_BINS}..{FILE_BINS}"
        raise ValueError(f"bins of a wave spectrum must be in {valid}, not {wave_bins}")
    if not 1 <= wave_components <= 3:
        raise ValueError(f"components of the waves must be in 1..3, not {wave_components}")


def describe_simulation(
    parameters: dict[str, Any],
    elements: TwoLineElements | None,
    sun_simulated: bool,
    plagues: Plagues,
) -> str:
    """Write the text of ``simulation.json``: every parameter, and no clock time."""
    text = {
        "simulated": True,
        "note": "simulated; not an observation of any satellite or earthquake",
        **parameters,
        "two_line_elements": None if elements is None else list(elements.lines),
        "precursors": precursor_model.describe(),
        "background": asdict(PARAMETERS[str(parameters["mission"])]),
        "space_weather": asdict(space_weather.PARAMETERS) if sun_simulated else None,
        "plagues": asdict(plagues),
    }
    return json.dumps(text, indent=1) + "\n"
