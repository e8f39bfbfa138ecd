"""An archive scored in processes: the same files as those of `edge-score stream`."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from by_value import ByValue
from edge.bundle import default_bundle_path, load_bundle, models_path, profile_and_fingerprint
from edge.errors import ConfigError, InputError
from edge.ledger import LEDGER_FILE, Ledger
from edge.scoring import Scorer
from edge.stream import Stream
from trainer.archives import rescore as rescoring
from trainer.archives.cluster import RunTasks, connect
from trainer.archives.rescore import Rescored, rescore_archive

BUNDLE = default_bundle_path()
SAMPLES = models_path() / "samples"


def rescore(archive: Path, out: Path, cluster=None, size: int = 2) -> Rescored:
    out.mkdir(exist_ok=True)
    return rescore_archive(archive, BUNDLE, out, cluster or (lambda: connect(2)), size)


def no_cluster() -> RunTasks:
    raise AssertionError("nothing was to be scored")


def results(out: Path) -> dict[str, bytes]:
    return {
        f.name: f.read_bytes()
        for f in sorted(out.iterdir())
        if f.suffix != ".sqlite" and not f.name.startswith(".")
    }


def stream_once(inbox: Path, out: Path) -> dict[str, bytes]:
    out.mkdir()
    profile, parameters = profile_and_fingerprint(BUNDLE)
    stream = Stream(inbox, out, profile, parameters, lambda: Scorer(load_bundle(BUNDLE)))
    with Ledger(out / LEDGER_FILE) as ledger:
        list(stream.turn(ledger))
    return results(out)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight night half-orbits of DEMETER."""
    from trainer.simulate import simulate_mission

    out = tmp_path_factory.mktemp("demeter")
    simulate_mission(
        "demeter",
        np.datetime64("2008-03-20T00:00", "ms"),
        np.datetime64("2008-03-20T13:00", "ms"),
        seed=5,
        injection=0.0,
        out=out,
        night_only=True,
    )
    return out


def disturbed(seconds: float, deadly: str = "") -> ByValue:
    """Score where each half-orbit takes a while; one may take the process down."""

    def score_batch(batch):
        import trainer.archives.rescore as module

        score = module.score_to_disk

        def slow(scorer, out, files):
            time.sleep(seconds)
            if next(iter(files.values())).half_orbit == deadly:
                os.kill(os.getpid(), signal.SIGSEGV)
            return score(scorer, out, files)

        module.score_to_disk = slow
        try:
            return module.score_batch(batch)
        finally:
            module.score_to_disk = score

    return ByValue(score_batch)


def test_the_samples_are_scored_as_stream_scores_them(tmp_path: Path) -> None:
    loaded: list[bool] = []

    @contextmanager
    def watched() -> Iterator[RunTasks]:
        with connect(2) as run:
            yield run
            asked = "'tensorflow' in __import__('sys').modules"
            loaded.extend(found for _, found in run(eval, {"one": asked, "two": asked}))

    found = rescore(SAMPLES, tmp_path / "ours", watched)
    assert results(tmp_path / "ours") == stream_once(SAMPLES, tmp_path / "stream")
    assert found.scored > 0
    assert found.problems == []
    assert loaded
    assert not any(loaded)
    # Nothing is done twice, by either of them.
    again = rescore(SAMPLES, tmp_path / "ours", no_cluster)
    assert (again.scored, again.before) == (0, found.scored)
    profile, parameters = profile_and_fingerprint(BUNDLE)
    stream = Stream(SAMPLES, tmp_path / "ours", profile, parameters, no_cluster)
    with Ledger(tmp_path / "ours" / LEDGER_FILE) as ledger:
        assert [e for e in stream.turn(ledger) if type(e).__name__ == "Scored"] == []


def test_a_killed_worker_costs_nothing_and_doubles_nothing(
    archive: Path, tmp_path: Path, monkeypatch
) -> None:
    out = tmp_path / "ours"
    killed = []

    def kill() -> None:
        while not list(out.glob("*.jsonl")):
            time.sleep(0.01)
        worker = active_children()[0]
        worker.kill()
        killed.append(worker)

    monkeypatch.setattr(rescoring, "score_batch", disturbed(0.1))
    thread = threading.Thread(target=kill)
    thread.start()
    found = rescore(archive, out)
    thread.join()
    assert killed
    assert results(out) == stream_once(archive, tmp_path / "stream")
    assert found.scored == len(results(out)) / 3
    assert found.problems == []


def test_a_half_orbit_that_takes_its_worker_down_is_named_and_the_rest_is_scored(
    archive: Path, tmp_path: Path, monkeypatch
) -> None:
    keys = sorted({f"DEMETER_{f.name[12:18]}" for f in archive.glob("DMT_*")})
    out = tmp_path / "ours"
    monkeypatch.setattr(rescoring, "score_batch", disturbed(0.0, keys[2]))
    found = rescore(archive, out)
    assert {name.partition(".")[0] for name in results(out)} == set(keys) - {keys[2]}
    assert found.scored == len(keys) - 1
    assert len(found.problems) == 1
    assert f"half-orbit {keys[2]} ended every process that scored it" in found.problems[0]
    # It is left alone until its files change.
    again = rescore(archive, out, no_cluster)
    assert (again.scored, again.problems) == (0, [])


def test_bad_files_are_named_and_tried_again_when_they_change(
    archive: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(archive, copy)
    file = sorted(copy.glob("DMT_N1_1144_*"))[0]
    good = file.read_bytes()
    file.write_bytes(good[:100])
    found = rescore(copy, tmp_path / "out", lambda: connect(1))
    assert [p.split(":")[0] for p in found.problems] == [file.name]
    # Its sibling 1140 was scored.
    keys = {f.name[12:18] for f in copy.glob("DMT_*")}
    assert found.scored == len(keys)
    file.write_bytes(good)
    again = rescore(copy, tmp_path / "out", lambda: connect(1))
    assert (again.scored, again.before, again.problems) == (1, len(keys) - 1, [])
    assert results(tmp_path / "out") == stream_once(copy, tmp_path / "stream")


def test_day_sides_are_left_alone(tmp_path: Path) -> None:
    copy = tmp_path / "archive"
    copy.mkdir()
    source = next(SAMPLES.glob("CSES_*_LAP_1_*1_2*"), None) or next(SAMPLES.glob("*.h5"))
    name = source.name.split("_")
    name[6] = name[6][:-1] + "0"
    shutil.copy(source, copy / "_".join(name))
    found = rescore(copy, tmp_path / "out", no_cluster)
    assert (found.scored, found.problems) == (0, [])


def test_results_that_no_ledger_knows_were_not_before(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = rescore(archive, out, lambda: connect(1))
    # As a client leaves them that is killed before it recorded anything.
    (out / LEDGER_FILE).unlink()
    again = rescore(archive, out, lambda: connect(1))
    assert (again.scored, again.before) == (first.scored, 0)


def test_a_folder_without_half_orbits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    with pytest.raises(InputError, match="holds no half-orbit file of CSES-01 or DEMETER"):
        rescore(tmp_path, tmp_path / "out", no_cluster)


def test_results_need_another_folder_than_the_archive(archive: Path) -> None:
    with pytest.raises(ConfigError, match="is the archive; results need another folder"):
        rescore_archive(archive, BUNDLE, archive, no_cluster)
