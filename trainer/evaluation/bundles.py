"""Two bundles on one unselected stream, each as a station would see it.

Each has its own climatology, clip and network, and so cuts its own windows from the values of the
same half-orbits. Each gets its own threshold from the first part of the time; the rest judges both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from edge import __version__
from edge.arrays import FloatArray
from edge.bundle import Card
from edge.errors import ConfigError
from edge.scoring import Scorer, sigmoid
from trainer.archives.archive import Archive, NightPass
from trainer.common.errors import TrainError
from trainer.datasets.candidates import Scanner
from trainer.datasets.labels import SampleLabeller, has_cuts, within_cuts
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.splits import Blocks
from trainer.datasets.stream import StreamWindows, cut_stream
from trainer.evaluation.bundle_table import (
    COMPARISON_FORMAT,
    BundleComparison,
    Choices,
    Side,
)
from trainer.evaluation.decide import alarm_starts, choose_threshold, logit_of
from trainer.evaluation.paired_stream import (
    ScoredStream,
    events_found,
    paired_areas,
    paired_rates,
    paired_recall,
)
from trainer.evaluation.stream_scores import score_stream
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import decluster
from trainer.models.window_set import WindowSet


def compare_bundles(
    old: Scorer,
    new: Scorer,
    archive: Archive,
    catalogue: Catalogue,
    recipe: DatasetRecipe,
    choices: Choices | None = None,
) -> BundleComparison:
    """Judge two bundles on the same half-orbits, at the same rate of alarms.

    Parameters
    ----------
    old, new : Scorer
        Of one profile, length and night rule; see `require_alike`.
    archive : Archive
        Read with these; neither was trained on it, see `require_unseen`.
    catalogue : Catalogue
        Undeclustered; see `trainer.datasets.labels.read_events`.
    recipe : DatasetRecipe
        Gives cuts and labels of events; all else is the bundles' own.
    choices : Choices, optional

    Raises
    ------
    TrainError
        The archive is too short, holds no event, or a bundle has no window in it; or the recipe
        is that of a placebo.
    """
    choices = choices or Choices()
    if recipe.placebo.kind != "none":
        raise TrainError(f"recipe {recipe.name}: its events are moved ({recipe.placebo.kind})")
    eligible = within_cuts(catalogue, recipe.events) if has_cuts(recipe.events) else None
    labeller = SampleLabeller(catalogue, decluster(catalogue), recipe.labels, eligible)
    parts, begin, until = _split(archive, labeller, choices.calibration)
    rates, sides = zip(
        *(_judge(s, archive, parts, labeller, recipe, choices.alarms) for s in (old, new)),
        strict=True,
    )
    hits = events_found(sides, begin, until)
    drawn = (choices.resamples, choices.seed)
    return BundleComparison(
        format=COMPARISON_FORMAT,
        code_version=__version__,
        simulated=archive.simulated,
        archive=archive.path.name,
        mission=archive.mission,
        catalogue=catalogue.name,
        catalogue_sha256=catalogue.sha256,
        recipe=recipe.name,
        choices=choices,
        calibration=_ends(parts[0]),
        judged=_ends(parts[1]),
        calibration_half_orbits=len(parts[0]),
        half_orbits=len(parts[1]),
        events=hits.shape[1],
        found_by_old_alone=int((hits[0] & ~hits[1]).sum()),
        found_by_new_alone=int((hits[1] & ~hits[0]).sum()),
        old=_side(old.bundle.card, sides[0], rates[0]),
        new=_side(new.bundle.card, sides[1], rates[1]),
        measures=[
            *paired_rates(sides, begin, *drawn).values(),
            paired_recall(hits, *drawn),
            paired_areas(sides, begin, *drawn),
        ],
    )


def require_alike(old: Scorer, new: Scorer, mission: str) -> None:
    """Refuse bundles that no common stream can judge.

    Raises
    ------
    ConfigError
        They differ in profile, length or night rule, or one knows nothing of the mission.
    """
    for name in ("profile", "length", "night"):
        a, b = (getattr(s.bundle.card, name) for s in (old, new))
        if a != b:
            raise ConfigError(
                f"the old bundle has {name} {a!r}, the new one {b!r}; valid is the same of both"
            )
    for which, scorer in (("old", old), ("new", new)):
        known = scorer.climatology.median
        if mission not in known:
            raise ConfigError(
                f"the {which} bundle has no climatology of {mission}; it has {', '.join(known)}"
            )


def require_unseen(card: Card, archive: Archive, simulation: Mapping[str, Any] | None) -> None:
    """Refuse an archive that a bundle was trained on.

    Parameters
    ----------
    card : Card
    archive : Archive
    simulation : mapping or None
        What a simulated archive says of itself; of another seed it is another one.

    Raises
    ------
    ConfigError
    """
    begin, end = _ends(archive.passes)
    for seen in card.training.missions:
        same = seen.mission == archive.mission and seen.simulated == archive.simulated
        if simulation is not None:
            same &= seen.parameters.get("seed") == simulation.get("seed")
        if same and seen.start <= end and begin <= seen.end:
            raise ConfigError(
                f"{archive.path.name}: {begin} to {end}, and a bundle was trained on {seen.start} "
                f"to {seen.end} of it; valid is an archive that neither has seen"
            )


@dataclass(frozen=True, slots=True)
class _OnEdge:
    scorer: Scorer
    kind: str = "bundle"

    def predict_proba(self, windows: WindowSet) -> FloatArray:
        return self.scorer.probabilities(windows.inputs)


def _split(
    archive: Archive, labeller: SampleLabeller, share: float
) -> tuple[tuple[list[NightPass], list[NightPass]], np.datetime64, np.datetime64]:
    """Half-orbits to choose thresholds on and those to judge by, with the latter's span.

    Between them lies the lead time: no event has windows in both. Of a share of 0 both are the
    same half-orbits.
    """
    start, end = (
        np.array([p.grid.time[i] for p in archive.passes], dtype="M8[ms]") for i in (0, -1)
    )
    length = int((end[-1] - start[0]).astype(np.int64))
    border = start[0] + np.timedelta64(round(share * length), "ms")
    begin = max(border + labeller.lead, labeller.usable[0])
    until = min(end[-1], labeller.usable[1])
    within = (start >= begin) & (end <= until)
    rest = [p for p, judged in zip(archive.passes, within, strict=True) if judged]
    first = rest
    if share > 0.0:
        first = [p for p, e in zip(archive.passes, end, strict=True) if e <= border]
    if not first or not rest:
        raise TrainError(
            f"{archive.path.name}: {len(first)} half-orbits up to {border} to choose thresholds "
            f"on, {len(rest)} from {begin} to {until}, where labels are certain, to judge by; "
            "valid is 1 or more of each"
        )
    return (first, rest), begin, until


def _judge(
    scorer: Scorer,
    archive: Archive,
    parts: tuple[list[NightPass], list[NightPass]],
    labeller: SampleLabeller,
    recipe: DatasetRecipe,
    alarms: float,
) -> tuple[float, ScoredStream]:
    """Score both parts; give the rate of alarms on the first, and what judges."""
    card, profile = scorer.bundle.card, scorer.bundle.profile
    windows = msgspec.structs.replace(
        recipe.windows,
        length=card.length,
        clip=card.clip,
        night=card.night,
        minimum_coverage=scorer.minimum_coverage,
    )
    scanner = Scanner(
        msgspec.structs.replace(recipe, profile=card.profile, windows=windows),
        profile,
        archive.mission,
        scorer.climatology,
        labeller,
        None,
        Blocks({}, 0.0),
    )
    rest = cut_stream(parts[1], scanner, archive.simulated)
    same = parts[0] is parts[1]
    first = rest if same else cut_stream(parts[0], scanner, archive.simulated)
    if not first.windows.size or not rest.windows.size:
        raise TrainError(
            f"{archive.path.name}: {first.windows.size} and {rest.windows.size} windows cover "
            f"{scorer.minimum_coverage:g} or more; valid is 1 or more of each part"
        )

    def score(stream: StreamWindows) -> FloatArray:
        return logit_of(score_stream(_OnEdge(scorer), stream, archive.mission, profile.names))

    logits = score(rest)
    before = logits if same else score(first)
    threshold = choose_threshold(before, first.windows, first.half_orbits, alarms)
    starts = alarm_starts(before >= threshold, first.windows)
    return float(starts.sum()) / first.half_orbits, ScoredStream(rest, logits, threshold)


def _side(card: Card, judged: ScoredStream, rate: float) -> Side:
    return Side(
        name=card.name,
        run=card.run,
        code_version=card.code_version,
        trained_on=card.trained_on,
        threshold=float(sigmoid(np.array([judged.threshold]))[0]),
        calibration_alarms=rate,
        windows=judged.stream.windows.size,
    )


def _ends(passes: Sequence[NightPass]) -> tuple[str, str]:
    return f"{passes[0].grid.time[0]}Z", f"{passes[-1].grid.time[-1]}Z"
