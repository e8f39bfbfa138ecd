"""What the shipped file does on the blocks that training did not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.arrays import Features, FloatArray
from edge.bundle import Metric, OperatingPoint, Parity
from trainer.datasets.labels import EXCLUDED, POSITIVE
from trainer.errors import TrainError
from trainer.evaluation.calibration import Calibration, calibrate
from trainer.evaluation.card_metrics import sample_metrics, stream_metrics
from trainer.evaluation.metrics import roc_auc
from trainer.evaluation.operating import choose_threshold, operating_point
from trainer.missions import Mission
from trainer.parity import EdgeLogits, edge_logits
from trainer.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Calibration and threshold of a file, and how good it is with them.

    Attributes
    ----------
    calibration : Calibration
    threshold_logit : float
    validation, test : EdgeLogits
        Of every window of the block.
    operating : OperatingPoint
        On the test block.
    metrics : list of Metric
        Likewise.
    """

    calibration: Calibration
    threshold_logit: float
    validation: EdgeLogits
    test: EdgeLogits
    operating: OperatingPoint
    metrics: list[Metric]

    @property
    def threshold(self) -> float:
        """The threshold as a score."""
        return float(self.calibration.scores(np.array([self.threshold_logit]))[0])


def judge(recipe: Recipe, mission: Mission, file: Path) -> Judgement:
    """Choose calibration and threshold on validation, then open the test block once.

    Parameters
    ----------
    recipe : Recipe
    mission : Mission
    file : Path
        TFLite; its logits are those of the edge's runtime.

    Returns
    -------
    Judgement

    Raises
    ------
    TrainError
        The model shows no skill on validation, or the edge's runtime fails.
    """
    windows, chosen = mission.windows["validation"], mission.samples["validation"]
    validation = edge_logits(file, windows)
    calibration = calibrate(validation.logits[chosen], windows.label[chosen] == POSITIVE)
    threshold = choose_threshold(
        validation.logits,
        windows,
        mission.half_orbits["validation"],
        recipe.operating.alarms_per_night_half_orbit,
    )
    windows, chosen = mission.windows["test"], mission.samples["test"]
    test = edge_logits(file, windows)
    rng = np.random.default_rng(recipe.training.seed)
    metrics = sample_metrics(
        calibration.scores(test.logits[chosen]),
        windows.label[chosen] == POSITIVE,
        windows.event[chosen],
        windows.half_orbit[chosen],
        recipe.evaluation.resamples,
        rng,
    )
    metrics += stream_metrics(test.logits, windows, threshold, recipe.evaluation.resamples, rng)
    operating = operating_point(test.logits >= threshold, windows, mission.half_orbits["test"])
    return Judgement(calibration, threshold, validation, test, operating, metrics)


def compare(
    recipe: Recipe,
    mission: Mission,
    judgement: Judgement,
    keras_logits: Callable[[Features], FloatArray],
) -> Parity:
    """Hold the file's scores against those of Keras on labelled windows.

    Parameters
    ----------
    recipe : Recipe
    mission : Mission
    judgement : Judgement
    keras_logits : callable
        From windows (n, L, C) to logits (n,).

    Returns
    -------
    Parity
        On at most ``recipe.export.parity_windows`` windows, half of them of the test block and
        half of validation: the matched ones first, then others with a label, since a few matched
        windows cannot tell a small loss from none.

    Raises
    ------
    TrainError
        Quantisation costs more ROC AUC than the recipe allows.
    """
    rng = np.random.default_rng(recipe.training.seed)
    kept, edge, positive = [], [], []
    for block, found in (("test", judgement.test), ("validation", judgement.validation)):
        windows = mission.windows[block]
        matched = rng.permutation(mission.samples[block])
        others = np.setdiff1d(np.flatnonzero(windows.label != EXCLUDED), matched)
        # As many of each class as there are, so that the area rests on both.
        balanced = _in_turn(rng.permutation(others), windows.label)
        half = recipe.export.parity_windows // 2
        chosen = np.sort(np.concatenate([matched, balanced])[:half])
        kept.append(keras_logits(windows.inputs(chosen)))
        edge.append(found.logits[chosen])
        positive.append(windows.label[chosen] == POSITIVE)
    truth = np.concatenate(positive)
    scores = [judgement.calibration.scores(np.concatenate(x)) for x in (kept, edge)]
    areas = [roc_auc(s, truth) for s in scores]
    if areas[0] - areas[1] > recipe.export.largest_auc_loss:
        raise TrainError(
            f"quantisation costs {areas[0] - areas[1]:.4f} of ROC AUC; valid is up to "
            f"{recipe.export.largest_auc_loss:g}"
        )
    difference = np.abs(scores[0] - scores[1])
    return Parity(
        windows=int(truth.size),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        auc_keras=areas[0],
        auc_tflite=areas[1],
        runtime=judgement.test.runtime,
    )


def _in_turn(places: npt.NDArray[np.int64], label: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Order places so that positives and negatives take turns while there are both."""
    positive = label[places] == POSITIVE
    rank = np.where(positive, np.cumsum(positive), np.cumsum(~positive))
    return places[np.argsort(2 * rank + positive, kind="stable")]
