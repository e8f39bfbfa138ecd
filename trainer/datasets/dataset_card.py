"""``dataset.json``: what a dataset is, and what it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trainer.common.errors import TrainError
from trainer.datasets.recipe import DatasetRecipe
from trainer.inputs.regions import Region

#: Written last: where it is, the dataset is complete.
DATASET_FILE = "dataset.json"
#: Version of the layout of a dataset.
DATASET_FORMAT = 2


class MadeFile(msgspec.Struct, frozen=True):
    """One file of a dataset.

    Attributes
    ----------
    fingerprint : str
        Of everything that it was made from.
    sha256 : str
        Of its bytes.
    """

    fingerprint: str
    sha256: str


class GivenFile(msgspec.Struct, frozen=True):
    """A file that a dataset was made from."""

    name: str
    sha256: str


class GivenArchive(msgspec.Struct, frozen=True):
    """The rows of an archive; sha256 is that of their manifest."""

    sha256: str
    files_failed: int


class Inputs(msgspec.Struct, frozen=True):
    """What a dataset was made from, beside its recipe."""

    catalogue: GivenFile
    indices: GivenFile | None
    manifest: GivenArchive


class RegionLeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """The box, degrees, that only the test block has windows in; none of others is nearer."""

    name: str
    south: float
    north: float
    west: float
    east: float
    buffer_km: float

    @property
    def region(self) -> Region:
        """The box."""
        return Region(self.south, self.north, self.west, self.east)


class ClimatologyFit(msgspec.Struct, frozen=True):
    """Which half-orbits the climatology was fitted on; `sha256` is that of its file."""

    fitted_on: str
    half_orbits: int
    flux_classes: int
    half_orbits_sha256: str
    sha256: str


class DatasetCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are; `half_orbits` and `matched` windows by block."""

    half_orbits: dict[str, int]
    events: int
    events_within_cuts: int | msgspec.UnsetType = msgspec.UNSET
    clusters: int
    clusters_crossing: int
    events_with_positive_windows: int
    events_too_small_to_contain_a_window: int | None
    windows: int
    positive: int
    negative: int
    excluded: int
    matched: dict[str, int]


class Unmatched(msgspec.Struct, frozen=True):
    """Positives without controls, by block, and what kept controls away."""

    positives: dict[str, int]
    in_the_way: dict[str, int]
    asked: int


class DatasetCard(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``dataset.json``.

    Attributes
    ----------
    code_sha256 : str
        No part of the fingerprint: what changed in the code need not change the windows.
    blocks : dict
        First and last instant of each block of time, UTC.
    dropped : dict
        Windows left out, by reason.
    simulation : dict or None
        What a simulated archive says of itself.
    fingerprint : str
        Of everything that the dataset is made from.
    files : dict
        Empty until all are written.
    """

    format: int
    code_version: str
    code_sha256: str
    name: str
    mission: str
    profile: str
    simulated: bool
    short_archive: bool
    recipe: DatasetRecipe
    inputs: Inputs
    blocks: dict[str, tuple[str, str]]
    embargo_days: float
    region: RegionLeftOut | None
    climatology: ClimatologyFit
    counts: DatasetCounts
    dropped: dict[str, int]
    unmatched: Unmatched
    simulation: dict[str, Any] | None
    fingerprint: str
    files: dict[str, MadeFile] = {}

    @property
    def spans(self) -> dict[str, tuple[np.datetime64, np.datetime64]]:
        """First and last instant of each block of time."""
        return {
            name: (_instant(first), _instant(last)) for name, (first, last) in self.blocks.items()
        }


class _Version(msgspec.Struct):
    format: Any = None


def read_card(dataset: Path) -> DatasetCard:
    """Read ``dataset.json``.

    Raises
    ------
    TrainError
        It is missing, and so the dataset incomplete, or damaged, or of another version.
    """
    try:
        content = (dataset / DATASET_FILE).read_bytes()
        found = msgspec.json.decode(content, type=_Version).format
        if found == DATASET_FORMAT:
            return msgspec.json.decode(content, type=DatasetCard)
    except OSError as error:
        raise TrainError(
            f"{dataset.name}: {DATASET_FILE}: {error.strerror}; the dataset is not complete: "
            "run edge-train prepare"
        ) from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise TrainError(f"{dataset.name}: {DATASET_FILE} is damaged: {error}") from None
    raise TrainError(f"{DATASET_FILE}: format {found}; this version reads {DATASET_FORMAT}")


def _instant(text: str) -> np.datetime64:
    return np.datetime64(text.removesuffix("Z"), "ms")
