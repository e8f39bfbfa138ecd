"""Two bundles on one simulated stream: what is equal differs by nothing, and bad input is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from commands import edge_train
from edge.bundle import CARD_FILE, CARD_SUM_FILE, card_sum, default_bundle_path, load_bundle
from edge.errors import ConfigError
from edge.inbox import group_by_half_orbit
from edge.readers.names import parse_name
from edge.scoring import Scorer
from trainer.archives.archive import Archive, read_archive, read_simulation
from trainer.common.errors import TrainError
from trainer.datasets.candidates import Scanner
from trainer.datasets.labels import SampleLabeller, read_events
from trainer.datasets.recipe import RECIPES, DatasetRecipe
from trainer.datasets.splits import Blocks
from trainer.datasets.stream import cut_stream
from trainer.evaluation.bundle_table import BundleComparison, Choices, table
from trainer.evaluation.bundles import compare_bundles, require_alike, require_unseen
from trainer.evaluation.commands import compare_bundles as command
from trainer.evaluation.commands import evaluate
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import decluster
from trainer.simulate import simulate_mission

CHOICES = Choices(resamples=50)
#: Of many events within days, windows are clear that shortly before and after see none.
LABELS = {"lead_hours": (0.0, 24.0), "clear_before_days": 0.5, "clear_after_days": 0.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three simulated days with many events."""
    out = tmp_path_factory.mktemp("archive") / "cses"
    start, end = np.datetime64("2020-09-01", "ms"), np.datetime64("2020-09-04", "ms")
    simulate_mission("cses", start, end, 7, 12.0, out, night_only=True, events_per_day=80.0)
    return out


@pytest.fixture(scope="module")
def archive(folder: Path) -> Archive:
    return read_archive(folder, "cses", "plasma", "dark", workers=1)


@pytest.fixture(scope="module")
def recipe(made: Any) -> DatasetRecipe:
    found: DatasetRecipe = made.recipe(labels=LABELS)
    return found


@pytest.fixture(scope="module")
def events(folder: Path, recipe: DatasetRecipe) -> Catalogue:
    return read_events(folder / "catalogue.csv", recipe)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(load_bundle())


@pytest.fixture(scope="module")
def itself(
    scorer: Scorer, archive: Archive, events: Catalogue, recipe: DatasetRecipe
) -> BundleComparison:
    return compare_bundles(scorer, scorer, archive, events, recipe, CHOICES)


def changed(folder: Path, **values: object) -> Path:
    """Copy the bundle that ships, with another card."""
    shutil.copytree(default_bundle_path(), folder)
    card = json.loads((folder / CARD_FILE).read_bytes())
    raw = json.dumps(card | values).encode()
    (folder / CARD_FILE).write_bytes(raw)
    (folder / CARD_SUM_FILE).write_bytes(card_sum(raw))
    return folder


def test_a_bundle_differs_from_itself_by_nothing(itself: BundleComparison) -> None:
    assert itself.simulated
    assert itself.events > 1
    assert itself.found_by_old_alone == itself.found_by_new_alone == 0
    assert 0.0 < itself.old.calibration_alarms <= 0.2
    for measure in itself.measures:
        assert measure.old == measure.new
        assert measure.old.value is not None, measure.name
        assert msgspec.structs.astuple(measure.difference) == (0.0, 0.0, 0.0)


def test_what_judges_begins_the_lead_time_after_the_thresholds(itself: BundleComparison) -> None:
    before, after = (
        np.datetime64(text.removesuffix("Z")) for text in (itself.calibration[1], itself.judged[0])
    )
    assert after - before >= np.timedelta64(24, "h")


def test_windows_and_scores_are_those_of_the_edge(
    folder: Path, scorer: Scorer, archive: Archive, events: Catalogue, recipe: DatasetRecipe
) -> None:
    labeller = SampleLabeller(events, decluster(events), recipe.labels)
    profile = scorer.bundle.profile
    scanner = Scanner(recipe, profile, "cses", scorer.climatology, labeller, None, Blocks({}, 0.0))
    stream = cut_stream(archive.passes[3:5], scanner, True)
    ours = scorer.probabilities(stream.windows.inputs(np.arange(stream.windows.size)))
    files = group_by_half_orbit((path, parse_name(path)) for path in sorted(folder.glob("*.h5")))
    theirs = [
        window
        for item in archive.passes[3:5]
        for window in scorer.score(scorer.read(files[item.key])).windows
        if window.score is not None
    ]
    assert [f"{t}Z" for t in stream.time] == [window.time for window in theirs]
    assert ours == pytest.approx([window.score for window in theirs], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "value"), [("profile", "full"), ("length", 10), ("night", "paper")]
)
def test_bundles_that_see_other_streams_are_refused(
    scorer: Scorer, name: str, value: object
) -> None:
    card = msgspec.structs.replace(scorer.bundle.card, **{name: value})
    other: Any = SimpleNamespace(bundle=SimpleNamespace(card=card), climatology=scorer.climatology)
    with pytest.raises(ConfigError, match=f"the new one {value!r}; valid is the same of both"):
        require_alike(scorer, other, "cses")


def test_a_bundle_without_the_mission_is_refused(scorer: Scorer) -> None:
    median = {"demeter": scorer.climatology.median["demeter"]}
    other: Any = SimpleNamespace(bundle=scorer.bundle, climatology=SimpleNamespace(median=median))
    with pytest.raises(ConfigError, match="the new bundle has no climatology of cses"):
        require_alike(scorer, other, "cses")


def test_an_archive_that_a_bundle_was_trained_on_is_refused(
    folder: Path, scorer: Scorer, archive: Archive
) -> None:
    card, simulation = scorer.bundle.card, read_simulation(folder)
    require_unseen(card, archive, simulation)
    assert simulation is not None
    seen = [
        msgspec.structs.replace(m, end="2020-09-02T00:00:00.000Z") for m in card.training.missions
    ]
    training = msgspec.structs.replace(card.training, missions=seen)
    longer = msgspec.structs.replace(card, training=training)
    # Another seed is another simulated mission.
    require_unseen(longer, archive, simulation)
    with pytest.raises(ConfigError, match="valid is an archive that neither has seen"):
        require_unseen(longer, archive, simulation | {"seed": 20190101})


def test_archives_that_cannot_judge_are_refused(
    scorer: Scorer, archive: Archive, events: Catalogue, recipe: DatasetRecipe
) -> None:
    short = replace(archive, passes=archive.passes[:3])
    with pytest.raises(TrainError, match="valid is 1 or more of each"):
        compare_bundles(scorer, scorer, short, events, recipe)
    # Events at both ends alone: labels are certain, and none is in reach.
    ends = np.array([0, events.size - 1])
    names = ("id", "time", "latitude", "longitude", "depth", "magnitude")
    few = replace(events, **{name: getattr(events, name)[ends] for name in names})
    thinned = replace(archive, passes=archive.passes[::8])
    with pytest.raises(TrainError, match="none of 0 mainshocks"):
        compare_bundles(scorer, scorer, thinned, few, recipe)
    placebo = msgspec.structs.replace(
        recipe, placebo=msgspec.structs.replace(recipe.placebo, kind="epicentres")
    )
    with pytest.raises(TrainError, match="its events are moved"):
        compare_bundles(scorer, scorer, archive, events, placebo)


def test_the_command_says_the_same_whatever_threshold_a_card_has(
    itself: BundleComparison,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = edge_train(monkeypatch, capfd, command, evaluate)
    text = (RECIPES / "windows-short.toml").read_text(encoding="utf-8")
    for before, after in (("days = 3.0", "days = 0.5"), ("[0.0, 48.0]", "[0.0, 24.0]")):
        text = text.replace(before, after)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(text, encoding="utf-8")
    old, out = default_bundle_path(), tmp_path / "found.json"
    new = changed(tmp_path / "new", threshold=0.5)
    given = ("--recipe", recipe, "--resamples", CHOICES.resamples, "--workers", 1)
    code, said, complaints = run(
        "compare-bundles", old, new, "--archive", folder, *given, "--json", out
    )
    assert code == 0, complaints
    assert msgspec.json.decode(out.read_bytes(), type=BundleComparison) == itself
    rows = [line for line in said.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(itself.measures)
    assert all(row.endswith("| 0 (0 to 0) |") for row in rows[2:])
    assert said.startswith("SIMULATED: ")


def test_a_wrong_call_is_one_line(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = edge_train(monkeypatch, capfd, command, evaluate)
    bundle, none = default_bundle_path(), tmp_path / "none"
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in list(folder.glob("*.h5"))[:2]:
        shutil.copy(path, bare)
    for new, archive, says in (
        (none, folder, "bundle none: card.json: No such file"),
        (bundle, none, "none: is not a folder"),
        (bundle, bundle, "plasma: holds no half-orbit file"),
        (bundle, bare, "bare: give a catalogue of earthquakes: --catalogue FILE"),
    ):
        code, said, complaints = run("compare-bundles", bundle, new, "--archive", archive)
        assert (code, said) == (2, "")
        assert complaints.startswith(f"edge-train: {says}")
        assert complaints.count("\n") == 1


def test_thresholds_can_be_read_off_what_judges(
    scorer: Scorer, archive: Archive, events: Catalogue, recipe: DatasetRecipe
) -> None:
    choices = Choices(calibration=0.0, resamples=20)
    found = compare_bundles(scorer, scorer, archive, events, recipe, choices)
    assert found.calibration == found.judged
    rate = next(m for m in found.measures if m.name == "alarms_per_night_half_orbit")
    assert found.old.calibration_alarms == rate.old.value
    assert "read off the" in "\n".join(table(found))
