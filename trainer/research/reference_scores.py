"""What the reference of `trainer.research.bayes` says of the windows that `prepare` wrote.

Rows on disk do not keep the number of raw samples of each value, which the reference needs: the
files of the half-orbits with matched windows are read again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edge.arrays import FloatArray, IntArray, TimeArray
from edge.errors import one_line
from edge.observables import PROFILES, MissionName, Profile
from edge.readers.names import FileName
from trainer.archives.archive import SIMULATION_FILE, NightPass, find_half_orbits, read_pass
from trainer.archives.manifest import HalfOrbitRows, Manifest, read_manifest
from trainer.archives.part_making import hash_input
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import read_card
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.tables import open_windows
from trainer.inputs.indices import Indices, read_indices
from trainer.research.bayes import MATCHED_FILTER, Reference
from trainer.research.bayes_windows import grid_windows
from trainer.simulate.mission import INDICES_FILE

#: A recipe with other positives than the prior's: what the reference then takes them for.
_PRIOR = (
    "positives are taken as midpoints within R of an event of M >= 5, 0-48 h before it; "
    "the recipe's are others"
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReferenceScores:
    """Scores of n windows of a block, all simulated, in the order of the dataset.

    Attributes
    ----------
    half_orbit : ndarray of str, shape (n,)
    first_cell : ndarray of int64, shape (n,)
        Cell number since 1970 of the first row.
    time : ndarray of datetime64[ms], shape (n,)
        UTC of the middle row.
    label : ndarray of int8, shape (n,)
        1 positive, 0 control.
    log_ratio : ndarray, shape (n,)
        Logarithm of the likelihood ratio of a perturbed window against a clear one.
    name : str
        ``Bayes reference``, or ``matched-filter reference`` where it approximates.
    approximations : tuple of str
    strength : float
        Of the perturbations, standard deviations.
    """

    half_orbit: npt.NDArray[np.str_]
    first_cell: IntArray
    time: TimeArray
    label: npt.NDArray[np.int8]
    log_ratio: FloatArray
    name: str
    approximations: tuple[str, ...]
    strength: float


def score_pass(
    found: NightPass,
    middle_cells: IntArray,
    mission: MissionName,
    profile: Profile,
    length: int,
    indices: Indices | None,
    reference: Reference,
) -> FloatArray:
    """Score windows of one half-orbit.

    Parameters
    ----------
    found : NightPass
        With counts of samples, as `trainer.archives.archive.read_pass` gives it.
    middle_cells : ndarray of int64, shape (n,)
        Cell number since 1970 of the middle row, ``first_cell + length // 2``, of each window.
    mission : {"cses", "demeter"}
    profile : Profile
        Of the grid's columns.
    length : int
        Rows in a window, L.
    indices : Indices or None
        That the mission was simulated with.
    reference : Reference
        Of that mission, profile and length.

    Returns
    -------
    ndarray, shape (n,)
        Logarithms of likelihood ratios.

    Raises
    ------
    TrainError
        A window is not in the half-orbit.
    """
    values = grid_windows(found.grid, found.night, mission, profile, length, indices=indices)
    cell = found.grid.cell[values.first] + length // 2
    rows = np.searchsorted(cell, middle_cells)
    known = rows < cell.size
    known[known] = cell[rows[known]] == middle_cells[known]
    if not known.all():
        raise TrainError(f"half-orbit {found.key}: a window of the dataset is not in it")
    return reference.log_ratio(values.take(rows))


def score_dataset(
    dataset: Path,
    archive: Path,
    block: str = "validation",
    allow_test: bool = False,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> ReferenceScores:
    """Score the matched windows of a block with the reference that knows their archive.

    Parameters
    ----------
    dataset : Path
        That `edge-train prepare` made of the archive.
    archive : Path
        That `edge-train simulate` wrote, with perturbations.
    block : {"train", "validation", "test"}, optional
    allow_test : bool, optional
        The test block opens for an evaluation alone.
    tell : callable, optional
        Takes how many half-orbits are done, and of how many.

    Raises
    ------
    TrainError
        The archive is real or has nothing injected, the dataset was made of another one, a file
        cannot be read, or the test block is opened without leave.
    """
    manifest = read_manifest(dataset)
    strength = injected_strength(archive, manifest.mission)
    recipe = read_card(dataset).recipe
    if manifest.night == "day":
        raise TrainError(f"{dataset.name}: rows of the day; the reference knows the night alone")
    table = open_windows(
        dataset, block, ("split", "label", "half_orbit", "first_cell", "time"), allow_test
    ).table()
    if not table.num_rows:
        raise TrainError(f"{dataset.name}: no windows in the block {block}")
    keys = np.array(table["half_orbit"].to_pylist(), dtype=np.str_)
    first_cell = table["first_cell"].to_numpy().astype(np.int64)
    length, profile = recipe.windows.length, PROFILES[manifest.profile]
    wanted = sorted(set(keys.tolist()))
    files = _files(dataset, archive, manifest, wanted)
    indices = read_indices(_indices(archive))
    reference = Reference(manifest.mission, profile, strength, length, outliers=True)
    log_ratio = np.full(keys.size, np.nan)
    for done, key in enumerate(wanted):
        found, failed = read_pass(files[key], manifest.profile, manifest.night)
        if found is None or failed:
            reason = next((str(e) for e in failed.values()), "has no night row")
            raise TrainError(f"half-orbit {key} cannot be read again: {reason}")
        own = np.flatnonzero(keys == key)
        log_ratio[own] = score_pass(
            found,
            first_cell[own] + length // 2,
            manifest.mission,
            profile,
            length,
            indices,
            reference,
        )
        tell(done + 1, len(wanted))
    approximations = reference.approximations
    if not _prior_holds(recipe):
        approximations = (*approximations, _PRIOR)
    return ReferenceScores(
        half_orbit=keys,
        first_cell=first_cell,
        time=table["time"].to_numpy().astype("datetime64[ms]"),
        label=table["label"].to_numpy().astype(np.int8),
        log_ratio=log_ratio,
        name=MATCHED_FILTER if approximations else reference.name,
        approximations=approximations,
        strength=strength,
    )


def injected_strength(archive: Path, mission: MissionName) -> float:
    """Strength of the perturbations that an archive was simulated with.

    Parameters
    ----------
    archive : Path
    mission : {"cses", "demeter"}
        That it must be of.

    Returns
    -------
    float
        Above 0.

    Raises
    ------
    TrainError
        The archive is real, of another mission, without perturbations, or with others that
        were injected afterwards.
    """
    name = one_line(str(archive))
    path = archive / SIMULATION_FILE
    try:
        about = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise TrainError(
            f"{name}: {SIMULATION_FILE}: {error.strerror}; the reference knows simulated archives "
            "alone"
        ) from None
    except msgspec.MsgspecError as error:
        raise TrainError(f"{name}: {SIMULATION_FILE}: {one_line(str(error))}") from None
    if "injected_afterwards" in about or "injection" not in about:
        raise TrainError(
            f"{name}: has perturbations that were injected afterwards; the reference knows those "
            "of edge-train simulate alone"
        )
    if about.get("mission") != mission:
        raise TrainError(f"{name}: is of {about.get('mission')}, the dataset of {mission}")
    strength = about["injection"]
    if not isinstance(strength, int | float) or not strength > 0.0:
        raise TrainError(f"{name}: injection is {strength}; valid is above 0: nothing to refer to")
    return float(strength)


def _indices(archive: Path) -> Path:
    path = archive / INDICES_FILE
    if not path.is_file():
        raise TrainError(
            f"{one_line(str(archive))}: {INDICES_FILE} is missing: the indices that it was "
            "simulated with"
        )
    return path


def _files(
    dataset: Path, archive: Path, manifest: Manifest, wanted: list[str]
) -> dict[str, dict[Path, FileName]]:
    """Find the files of half-orbits, and see that they are those that the rows are made of."""
    groups = find_half_orbits(archive, manifest.mission, manifest.profile, manifest.night, {})
    rows: dict[str, HalfOrbitRows] = {h.key: h for h in manifest.half_orbits}
    for key in wanted:
        if key not in groups:
            raise TrainError(
                f"{one_line(str(archive))}: half-orbit {key} of {dataset.name} is not in it: the "
                "dataset is of another archive"
            )
        here = {hash_input(archive, path.relative_to(archive)) for path in groups[key]}
        if here != set(rows[key].files):
            raise TrainError(
                f"{one_line(str(archive))}: half-orbit {key} has other files than {dataset.name} "
                "was made of"
            )
    return groups


def _prior_holds(recipe: DatasetRecipe) -> bool:
    labels = recipe.labels
    return (
        labels.lead_hours == (0.0, 48.0)
        and labels.area == "dobrovolsky"
        and labels.placement == "midpoint"
        and labels.shift_deg == 0.0
        and recipe.events.least_magnitude == 5.0
        and recipe.placebo.kind == "none"
    )
