"""The whole run: archives, windows, two trainings, evaluation, bundle, samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from edge.bundle import Card
from edge.climatology import Climatology
from edge.observables import PROFILES, MissionName
from trainer import export, samples
from trainer.card import make_card
from trainer.judging import Judgement, compare, judge
from trainer.learning.loading import load_windows
from trainer.missions import Mission, prepare, simulate_missing
from trainer.models.keras_classifier import KerasClassifier, SeqNetQuake
from trainer.models.seqnetquake import describe
from trainer.recipe import Recipe

#: The mission of the pretraining, and the one that the bundle is tuned and judgement on.
PRETRAINING: MissionName = "demeter"
TUNING: MissionName = "cses"

#: Blocks that a training sees.
_SELECTION = ("train", "validation")

#: Payloads of the samples, chosen so that the folder stays below 1 MB.
_SAMPLE_PAYLOADS = (("HPM_5", "LAP_1", "PAP_0"), ("LAP_1",), ("1140",))


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is given.

    Attributes
    ----------
    archives : dict of str to Path
        Of the missions that are not to be simulated.
    catalogue : Path or None
        For every archive that brings none.
    indices : Path or None
        Kp and F10.7 in GFZ's layout, likewise.
    out : Path
        Folder of the bundle.
    samples : Path
        Folder of sample half-orbits, written where CSES and DEMETER are both simulated.
    build : Path
        Folder for the simulated missions and for the datasets.
    workers : int
    strict : bool
        Refuse a catalogue with a row that cannot be used.
    """

    archives: dict[MissionName, Path]
    catalogue: Path | None
    indices: Path | None
    out: Path
    samples: Path
    build: Path
    workers: int = 2
    strict: bool = False


def run(recipe: Recipe, options: Options, tell: Callable[[str], None]) -> Card:
    """Train a network and export it.

    Parameters
    ----------
    recipe : Recipe
    options : Options
    tell : callable
        Takes a line of progress.

    Returns
    -------
    Card

    Raises
    ------
    EdgeError
        The data or the recipe give no bundle.
    """
    begin = time.monotonic()
    simulations = {PRETRAINING: recipe.demeter, TUNING: recipe.cses}
    missing = {m: s for m, s in simulations.items() if m not in options.archives}
    paths = dict(options.archives)
    if missing:
        with _stage(tell, f"simulated {' and '.join(missing)}"):
            paths |= simulate_missing(
                missing, recipe.dataset.profile, options.build, options.workers
            )
    missions: dict[MissionName, Mission] = {}
    for name in (PRETRAINING, TUNING):
        with _stage(tell, f"read and labelled {name}"):
            given = None if name in missing else options.catalogue
            missions[name] = prepare(
                name,
                paths[name],
                given,
                options.indices,
                recipe,
                options.build,
                tell,
                options.workers,
                options.strict,
            )
        tell(_tally(missions[name]))
    model = _train(recipe, missions, tell)
    tuned = missions[TUNING]
    train = tuned.windows["train"]
    rng = np.random.default_rng(recipe.training.seed)
    with _stage(tell, "quantised"):
        chosen = rng.permutation(tuned.samples["train"])[: recipe.export.representative]
        inputs = train.inputs(np.sort(chosen))
        content = export.convert_int8(model.keras_model, inputs, model.whitening)
    with TemporaryDirectory(prefix="train-export-") as folder:
        file = Path(folder, export.MODEL_FILE)
        file.write_bytes(content)
        with _stage(tell, "scored validation and test"):
            judgement = judge(recipe, tuned, file)
    for metric in judgement.metrics:
        tell(f"{metric.name} {metric.value:.4f} ({metric.low:.4f} to {metric.high:.4f})")
    tell(f"operating point: {judgement.operating}")
    with _stage(tell, "compared with Keras"):
        parity = compare(recipe, tuned, judgement, model.logits_of)
    climatology = Climatology(
        PROFILES[recipe.dataset.profile].names,
        {m.name: m.climatology.median[m.name] for m in missions.values()},
        {m.name: m.climatology.spread[m.name] for m in missions.values()},
        {m.name: m.climatology.epoch_start[m.name] for m in missions.values()},
        {m.name: m.climatology.epoch_class[m.name] for m in missions.values()},
    )
    golden = _golden(recipe, tuned, judgement)
    network = describe(recipe.network, model.keras_model.count_params())
    card = make_card(recipe, list(missions.values()), judgement, parity, network)
    card = export.write_bundle(options.out, card, content, climatology, golden)
    tell(f"bundle {options.out} verified, {_kilobytes(options.out)} kB")
    if all(m.simulated for m in missions.values()):
        _write_samples(options.samples, missions, judgement, tell)
    tell(f"everything took {time.monotonic() - begin:.0f} s")
    return card


def _train(
    recipe: Recipe, missions: dict[MissionName, Mission], tell: Callable[[str], None]
) -> KerasClassifier:
    training = recipe.training
    common = {
        **msgspec.to_builtins(recipe.network),
        "dropping": msgspec.to_builtins(recipe.dropping),
        "batch": training.batch,
        # As what the edge clips its residuals to.
        "whitening_clip": recipe.dataset.windows.clip,
        # The recipe has a rate of its own for tuning.
        "transfer_rate_factor": 1.0,
    }
    stages = ((PRETRAINING, training.pretraining), (TUNING, training.tuning))
    start: KerasClassifier | None = None
    for number, (name, stage) in enumerate(stages):
        train, validation = (load_windows(missions[name].dataset, b) for b in _SELECTION)
        model = SeqNetQuake(common | msgspec.to_builtins(stage), training.seed + number)
        with _stage(tell, f"{'tuned on' if number else 'pretrained on'} {name}"):
            model.fit(train, validation, tell, start=start, transfer="full" if number else None)
        start = model
    assert start is not None
    return start


def _golden(recipe: Recipe, mission: Mission, judgement: Judgement) -> export.GoldenWindows:
    """Windows from the lowest to the highest score of the matched validation windows."""
    chosen = mission.samples["validation"]
    order = chosen[np.argsort(judgement.validation.logits[chosen], kind="stable")]
    spread = np.linspace(0, order.size - 1, recipe.export.golden).round().astype(np.int64)
    places = order[spread]
    calibration = judgement.calibration
    return export.GoldenWindows(
        mission.windows["validation"].inputs(places),
        calibration.scores(judgement.validation.logits[places]),
        export.score_tolerance(
            judgement.validation.logits, calibration.slope, recipe.export.golden_steps
        ),
    )


def _write_samples(
    out: Path,
    missions: dict[MissionName, Mission],
    judgement: Judgement,
    tell: Callable[[str], None],
) -> None:
    tuned, other = missions[TUNING], missions[PRETRAINING]
    windows = tuned.windows["test"]
    full, short, ions = _SAMPLE_PAYLOADS
    chosen = (
        samples.choose_with_event(tuned, windows, judgement.test.logits, full),
        samples.choose_without_event(tuned, windows, short),
        samples.choose_first_with_event(other, other.windows["test"], ions),
    )
    size = samples.write_samples(out, [s for s in chosen if s is not None])
    tell(f"samples {out}, {size // 1000} kB, simulated")


def _tally(mission: Mission) -> str:
    parts = [
        f"{block} {mission.half_orbits[block]} half-orbits, {windows.size} windows, "
        f"{mission.samples[block].size} drawn"
        for block, windows in mission.windows.items()
    ]
    return f"{mission.name}: {'; '.join(parts)}; {len(mission.manifest.failed)} files failed"


def _kilobytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.iterdir()) // 1000


@contextmanager
def _stage(tell: Callable[[str], None], what: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    tell(f"{what} in {time.monotonic() - begin:.1f} s")
