"""What refuses a bundle, each gate alone, and runs that are not to be exported."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from edge.bundle import AlarmRule, Parity
from edge.errors import EdgeError
from trainer.common.errors import TrainError
from trainer.evaluation import judged_run
from trainer.evaluation.decide import Calibration
from trainer.export import exporting
from trainer.export.exporting import Rule, export_run

GOOD = Parity(
    file="model_int8.tflite",
    runtime="tflite-runtime 2.14.0",
    windows=300,
    largest_difference=0.05,
    mean_difference=0.01,
    auc_keras=0.9,
    auc_tflite=0.899,
    mcc_keras=0.6,
    mcc_tflite=0.59,
    verdict_windows=10_000,
    verdict_flips=0.001,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auc_tflite": 0.8979}, "costs 0.0021 of ROC AUC: expected up to 0.002"),
        ({"verdict_flips": 0.0051}, "gives 0.510% of the windows another verdict"),
    ],
)
def test_gates(change: dict[str, float], message: str) -> None:
    assert exporting._gates(GOOD, Rule()) == []
    assert exporting._gates(msgspec.structs.replace(GOOD, auc_tflite=0.95), Rule()) == []
    (found,) = exporting._gates(msgspec.structs.replace(GOOD, **change), Rule())
    assert message in found


def test_ties_are_counted_on_both_sides_of_the_threshold() -> None:
    logits = np.array([-1.0, 0.0, 2.0, 2.0, 2.0, 4.0])
    held = SimpleNamespace(stream_logits=logits + 0.1)
    judged = SimpleNamespace(decisions=SimpleNamespace(alarm_threshold=float(1 / (1 + np.exp(-2)))))
    share = exporting._ties(logits, held, Calibration(1.0, 0.0), judged)[0]
    # Four are alarmed, three lie in the level at the threshold.
    assert share == pytest.approx(0.75)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"no run\.json"):
        export_run(tmp_path, tmp_path / "out", "x", AlarmRule(150.0, 48.0))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (None, "was not judged"),
        ({"model_sha256": "other"}, "is of another model"),
        ({"metrics": []}, "did not come to its end"),
        ({"decisions": SimpleNamespace(skilful=False, alarm_threshold=0.5)}, "expected scores"),
    ],
)
def test_a_run_is_exported_as_it_was_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, card: dict | None, message: str
) -> None:
    whole = {
        "model_sha256": "same",
        "metrics": [1],
        "operating_point": 1,
        "decisions": SimpleNamespace(skilful=True, alarm_threshold=0.5),
    }
    run = SimpleNamespace(folder=tmp_path, record=SimpleNamespace(model_sha256="same"))
    found = SimpleNamespace(**(whole | (card or {})))
    if card is not None:
        (tmp_path / judged_run.CARD_FILE).write_text("{}")
    monkeypatch.setattr(exporting, "read_run_card", lambda folder: found)
    with pytest.raises(TrainError, match=message):
        exporting._judged(run)
