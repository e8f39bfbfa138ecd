"""Perturbations put into an archive that is there, a real one too.

The question it serves is how small a perturbation can be and still be found in real data: the
background is the real one, the truth is known. Each file is copied under its name, with the
values of affected samples changed (`inject_files`); everything else is the same to the byte. The
archive itself is never written to, and the copy says what it is: ``injection.json``,
``simulation.json`` by which the trainer knows it for simulated, a mark in every changed file, and
``truth.csv``, which only an evaluation may read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edge import __version__
from edge.errors import InputError
from edge.observables import FULL, MissionName
from edge.outputs import replace_file
from edge.readers import sniff
from edge.readers.names import FileName, looks_like_payload
from trainer.archives.archive import SIMULATION_FILE
from trainer.common.errors import TrainError
from trainer.inputs.catalogue import is_quakeml, read_catalogue, read_content
from trainer.inputs.catalogue_formats import RANGES
from trainer.simulate.inject_files import inject_file
from trainer.simulate.inject_strength import find_scales
from trainer.simulate.orbits import Pass
from trainer.simulate.precursor_model import PrecursorModel, describe
from trainer.simulate.precursors import Injected, perturbation, write_truth
from trainer.simulate.seismicity import SimulatedCatalogue, catalogue_text

#: What was injected into an archive, beside its files.
INJECTION_FILE = "injection.json"
TRUTH_FILE = "truth.csv"
#: The injected catalogue, by which alone the copy can be labelled.
CATALOGUE_FILE = "catalogue.csv"
#: Of a simulated archive this belongs to it and comes along.
_INDICES_FILE = "indices.txt"
_NOTE = "contains simulated perturbations; no real earthquake is known to cause them"
_STRONGEST = 100.0


@dataclass
class InjectionSummary:
    """What an injection wrote.

    Parameters
    ----------
    files, changed, kept : int
        Files copied in all, those of them that hold a perturbation, and those that an earlier
        run had left.
    injected : int
        Pairs of event and half-orbit: rows of the truth table.
    failed : dict of Path to str
        Files that could not be read, and are not in the copy, with the reason.
    """

    files: int = 0
    changed: int = 0
    kept: int = 0
    injected: int = 0
    failed: dict[Path, str] = field(default_factory=dict)


def inject_archive(
    archive: Path,
    catalogue: Path,
    strength: float,
    out: Path,
    mission: MissionName | None = None,
    seed: int = 0,
    least_magnitude: float = 5.0,
    largest_depth_km: float = 40.0,
    tell: Callable[[str], None] = lambda line: None,
    strict: bool = False,
) -> InjectionSummary:
    """Copy an archive with perturbations before the mainshocks of a catalogue.

    Parameters
    ----------
    archive : Path
        Folder of native files, and folders in it.
    catalogue : Path
        ComCat CSV or QuakeML.
    strength : float
        0..100 standard deviations; with 0 every file is the same to the byte.
    out : Path
        Folder of the copy. A run that was cut short goes on where it stopped.
    mission : {"cses", "demeter"}, optional
        Leave the files of the other one out.
    seed : int
        Of what is drawn for each event. 0 is what `simulate_mission` takes.
    least_magnitude, largest_depth_km : float
        Events beyond are left out, before the declustering.
    tell : callable
        Takes lines on the catalogue, and one on each file that fails.
    strict : bool
        Refuse a catalogue with a row that cannot be used.

    Raises
    ------
    TrainError
        An argument is outside of its range, or `out` holds something else.
    InputError
        The archive is not there.
    CatalogueError
        The catalogue cannot be read.

    Notes
    -----
    The copy carries the injected catalogue, uncut, as ``catalogue.csv``: another one, such as the
    archive's own, would call the perturbed windows clear.
    """
    _check(archive, out, strength, seed)
    model = PrecursorModel(seed=seed)
    found = read_catalogue(catalogue, least_magnitude, largest_depth_km, strict=strict)
    for line in found.tally():
        tell(line)
    events = SimulatedCatalogue.of(found)
    summary = InjectionSummary()
    files = _find(archive, mission, summary.failed)
    if not files and not summary.failed:
        raise InputError(archive, "holds no half-orbit file" + (f" of {mission}" * bool(mission)))
    scales = find_scales(archive, files, strength)
    request: dict[str, Any] = {
        "simulated": True,
        "note": _NOTE,
        "archive": archive.resolve().name,
        "catalogue": found.name,
        "catalogue_sha256": found.sha256,
        "least_magnitude": least_magnitude,
        "largest_depth_km": largest_depth_km,
        "strength": strength,
        "mission": mission,
        "code_version": __version__,
        "precursors": describe(model),
        "spread": {
            name: dict(zip(FULL.names, map(float, scale.spread), strict=True))
            for name, (scale, _) in scales.items()
        },
        "spread_from": {name: source for name, (_, source) in scales.items()},
    }
    _begin(out, request)
    rows: dict[tuple[str, str], Injected] = {}
    along = partial(_along, events, strength, model)
    for path, name in files.items():
        target = out / path.relative_to(archive)
        try:
            content, injected = inject_file(path, name, along, scales[name.mission][0])
            if target.is_file():
                summary.kept += 1
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                replace_file(target, path.read_bytes() if content is None else content)
        except InputError as error:
            summary.failed[path] = str(error)
            continue
        except OSError as error:
            raise TrainError(f"{target.name}: {error.strerror or error}") from None
        summary.files += 1
        summary.changed += content is not None
        for row in injected:
            key = (row.half_orbit, row.event_id)
            if key not in rows or row.min_distance_km < rows[key].min_distance_km:
                rows[key] = row
    for reason in summary.failed.values():
        tell(f"left out {reason}")
    summary.injected = len(rows)
    _finish(archive, catalogue, out, request, summary, list(rows.values()))
    return summary


def _along(events: SimulatedCatalogue, strength: float, model: PrecursorModel, place: Pass) -> Any:
    return perturbation(place, events, strength, model)


def _check(archive: Path, out: Path, strength: float, seed: int) -> None:
    if not archive.is_dir():
        raise InputError(archive, "is not a folder")
    if not 0.0 <= strength <= _STRONGEST:
        raise TrainError(f"strength is {strength:g}; valid is 0 to {_STRONGEST:g}")
    if seed < 0:
        raise TrainError(f"seed is {seed}; valid is 0 and more")
    here, there = archive.resolve(), out.resolve()
    if there == here or here in there.parents or there in here.parents:
        raise TrainError(
            f"{out}: must lie apart from the archive {archive}, which is kept as it is"
        )
    if out.exists() and not out.is_dir():
        raise TrainError(f"{out}: is not a folder")


def _find(
    archive: Path, mission: MissionName | None, failed: dict[Path, str]
) -> dict[Path, FileName]:
    files = {}
    for path in sorted(archive.rglob("*")):
        if not looks_like_payload(path.name) or not path.is_file():
            continue
        try:
            name = sniff(path)
        except InputError as error:
            failed[path] = str(error)
            continue
        if mission is None or name.mission == mission:
            files[path] = name
    return files


def _begin(out: Path, request: dict[str, Any]) -> None:
    """Claim a folder for an injection, or find it claimed by the same one."""
    marker = out / INJECTION_FILE
    if marker.is_file():
        try:
            earlier = json.loads(marker.read_bytes())
            same = all(earlier.get(k) == v for k, v in json.loads(json.dumps(request)).items())
        except (OSError, ValueError, AttributeError):
            same = False
        if not same:
            raise TrainError(f"{out}: holds another injection; choose another folder")
    elif out.is_dir() and any(out.iterdir()):
        raise TrainError(f"{out}: is not empty, and holds no injection to go on with")
    else:
        try:
            out.mkdir(parents=True, exist_ok=True)
            replace_file(marker, _text({**request, "complete": False}))
        except OSError as error:
            raise TrainError(f"{out}: {error.strerror or error}") from None


def _finish(
    archive: Path,
    catalogue: Path,
    out: Path,
    request: dict[str, Any],
    summary: InjectionSummary,
    rows: list[Injected],
) -> None:
    write_truth(out / TRUTH_FILE, sorted(rows, key=lambda r: (r.time, r.half_orbit, r.event_id)))
    simulation = archive / SIMULATION_FILE
    made: dict[str, Any] = {"simulated": True, "note": _NOTE}
    if simulation.is_file():
        made = json.loads(simulation.read_bytes())
        if (archive / _INDICES_FILE).is_file():
            replace_file(out / _INDICES_FILE, (archive / _INDICES_FILE).read_bytes())
    own = archive / CATALOGUE_FILE
    injected = _write_events(catalogue, out / CATALOGUE_FILE)
    if injected != (own.read_bytes() if own.is_file() else b""):
        # What is labelled by it is not what the archive's own simulation injected.
        made["catalogue"] = CATALOGUE_FILE
        made.pop("catalogue_simulated", None)
        made["catalogue_injected"] = request["catalogue"]
    made["injected_afterwards"] = {
        k: request[k] for k in ("note", "catalogue", "catalogue_sha256", "strength")
    }
    replace_file(out / SIMULATION_FILE, _text(made))
    failed = {str(p.relative_to(archive)): reason for p, reason in sorted(summary.failed.items())}
    counts = {
        "files": summary.files,
        "files_changed": summary.changed,
        "injected": summary.injected,
        "failed": failed,
        "complete": True,
    }
    replace_file(out / INJECTION_FILE, _text({**request, **counts}))


def _write_events(catalogue: Path, path: Path) -> bytes:
    """Put the injected events beside the files, uncut, as CSV; give what was written."""
    content = read_content(catalogue)
    if is_quakeml(catalogue, content):
        everything = read_catalogue(catalogue, RANGES["mag"][0], RANGES["depth"][1])
        content = catalogue_text(SimulatedCatalogue.of(everything), "", "").encode()
    replace_file(path, content)
    return content


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
