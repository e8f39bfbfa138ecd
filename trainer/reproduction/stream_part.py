"""A network on unselected half-orbits: alarms and what they cost, and shifted catalogues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trainer.datasets.stream import open_stream
from trainer.evaluation.placebo_shifts import placebo_aucs
from trainer.evaluation.run_judge import decide
from trainer.evaluation.stream_judge import judge_stream, make_reference
from trainer.evaluation.stream_scores import score_stream
from trainer.models.interface import Classifier
from trainer.models.window_set import WindowSet
from trainer.reproduction.design import Design

#: Alarms a night half-orbit that validation is held to.
ALARMS = 0.2


def stream_facts(
    design: Design, dataset: Path, model: Classifier, validation: WindowSet, shifts: bool
) -> dict[str, Any]:
    """Judge a network on every window of some half-orbits.

    Parameters
    ----------
    design : Design
    dataset : Path
        Its test block is opened.
    model : Classifier
    validation : WindowSet
        Matched, for the calibration.
    shifts : bool
        Whether the scores are held against shifted catalogues as well.

    Returns
    -------
    dict
        ``rates``: name to value and interval; ``shifted``: AUC by the true catalogue and by each
        shifted one.
    """
    most, resamples = design.recipe.stream_half_orbits, design.recipe.resamples
    about = (validation.mission, validation.observables)
    before = open_stream(dataset, "validation", most)
    decided = decide(
        model.predict_proba(validation),
        validation,
        ALARMS,
        before,
        score_stream(model, before, *about),
    )
    stream = open_stream(dataset, "test", most, allow_test=True)
    scores = score_stream(model, stream, *about)
    found = judge_stream(decided, scores, stream, make_reference(stream), resamples, 0)
    facts: dict[str, Any] = {
        "half_orbits": stream.half_orbits,
        "rates": [msgspec.to_builtins(e) for e in found.estimates],
    }
    if shifts:
        placebo = placebo_aucs(scores, stream, shifts=design.recipe.time_shifts)
        facts["shifted"] = {
            "real": placebo.real,
            "placebos": np.round(placebo.values, 5).tolist(),
        }
    return facts
