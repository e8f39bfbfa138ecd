"""One run to one bundle: convert, compare, refuse or write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.bundle import CARD_FILE, AlarmRule, Card, Parity, file_sha256, load_bundle
from edge.errors import BundleError, one_line
from edge.scoring import sigmoid
from trainer.common.code_hash import code_sha256, identity_of
from trainer.common.errors import TrainError
from trainer.datasets.stream import StreamWindows, open_stream
from trainer.datasets.windows import Windows
from trainer.evaluation.decide import Calibration, logit_of
from trainer.evaluation.judged_run import CARD_FILE as RUN_CARD_FILE
from trainer.evaluation.judged_run import JudgedRun, RunCard, find_runs, read_run_card
from trainer.export.card import (
    FLOAT_MODEL_FILE,
    MODEL_FILE,
    GoldenWindows,
    climatology_of,
    make_card,
    write_bundle,
)
from trainer.models.classifier import Tell, silent
from trainer.models.edge_file import EdgeLogits, edge_logits, installed
from trainer.models.window_set import WindowSet
from trainer.training.loading import load_windows

if TYPE_CHECKING:
    from trainer.models.keras_classifier import KerasClassifier

#: The network that the edge knows how to run.
KIND = "seqnetquake"

#: Windows that Keras scores at a time.
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Rule:
    """How a bundle is made, and what refuses it.

    Attributes
    ----------
    representative : int
        Training windows that set the ranges of the int8 file.
    golden : int
    golden_steps : float
        Steps of the int8 output that two processors were found apart: x86-64 and aarch64, 6.
    auc_loss : float
        ROC AUC that quantisation may cost on matched validation windows.
    verdict_flips : float
        Share of all validation windows whose verdict may be another one.
    ties : float
        Validation windows in the level of the output at the threshold, over the alarmed ones: so
        many go over it or under it together.
    """

    representative: int = 400
    golden: int = 16
    golden_steps: float = 6.0
    auc_loss: float = 0.002
    verdict_flips: float = 0.005
    ties: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Validation windows with what Keras says of them."""

    windows: WindowSet
    logits: FloatArray
    stream: StreamWindows
    stream_logits: FloatArray


def export_run(
    folder: Path,
    out: Path,
    name: str,
    alarm: AlarmRule,
    float32: bool = True,
    rule: Rule | None = None,
    tell: Tell = silent,
) -> Card:
    """Make a bundle of a run that was judged.

    Parameters
    ----------
    folder : Path
        Of a run of the network SeqNetQuake, trained directly or tuned.
    out : Path
        Folder of the bundle; another bundle in it is replaced.
    name : str
        Of the bundle.
    alarm : AlarmRule
        Radius and duration of an alarm.
    float32 : bool, optional
        Whether the bundle holds the float32 file, too.
    rule : Rule, optional
    tell : callable, optional
        Takes a line of progress.

    Raises
    ------
    TrainError
        The run is of another kind, was not judged as it is now, or a gate refuses the bundle.
    BundleError
        `out` holds something else.

    Notes
    -----
    Run again with the same run, it finds the bundle up to date. Decisions (calibration and
    threshold) and metrics are those of `edge-train evaluate`; the test block is not opened.
    """
    rule = rule or Rule()
    (run,) = find_runs([folder])
    if run.record.kind != KIND:
        raise TrainError(
            f"run {one_line(folder.name)}: expected a {KIND}, which the edge can run, got a "
            f"{run.record.kind}"
        )
    judged = _judged(run)
    runs = [*_starts(run), run]
    source = _source(runs, name, alarm, float32, rule)
    if found := _up_to_date(out, source):
        tell(f"{out} is up to date")
        return found
    # TensorFlow takes seconds to import: what is wrong with the run is said before.
    from trainer.export.tflite import convert_float32, convert_int8, faults
    from trainer.models.keras_classifier import KerasClassifier
    from trainer.models.seqnetquake import describe

    model = run.load()
    assert isinstance(model, KerasClassifier)
    tell("quantising")
    train = load_windows(run.dataset, "train")
    rng = np.random.default_rng(run.record.seed)
    chosen = np.sort(rng.permutation(len(train))[: rule.representative])
    models = {
        MODEL_FILE: convert_int8(model.keras_model, train.inputs[chosen], model.whitening),
        FLOAT_MODEL_FILE: convert_float32(model.keras_model, model.whitening),
    }
    refused = [f"{n} holds {fault}" for n, c in models.items() for fault in faults(c)]
    _refuse(out, refused)
    tell("scoring validation with Keras")
    held = _hold(run, model)
    calibration = Calibration(judged.decisions.slope, judged.decisions.intercept)
    parity: list[Parity] = []
    golden: GoldenWindows | None = None
    places: IntArray = np.zeros(0, np.int64)
    with TemporaryDirectory(prefix="export-") as work:
        for file, content in models.items():
            path = Path(work, file)
            path.write_bytes(content)
            for runtime in installed():
                tell(f"scoring validation with {file} by {runtime}")
                matched = edge_logits(path, Windows.laid_out(held.windows.inputs), runtime)
                stream = edge_logits(path, held.stream.windows, runtime)
                parity.append(_compare(file, held, matched, stream, judged, calibration))
                tell(_parity_line(parity[-1]))
                if file != MODEL_FILE:
                    continue
                if golden is None:
                    places, golden = _golden(held, matched, calibration, rule)
                    share = _ties(stream.logits, held, calibration, judged)
                    tell(
                        f"ties at the threshold: {share[0]:.1%} of as many windows as are alarmed; "
                        f"with probabilities as output, {share[1]:.1%}"
                    )
                    if share[0] > rule.ties:
                        refused.append(
                            f"{share[0]:.1%} of as many windows as are alarmed are tied at the "
                            f"threshold: expected up to {rule.ties:.0%}"
                        )
                there = calibration.scores(matched.logits[places])
                golden.measured[stream.runtime] = float(np.abs(there - golden.scores).max())
    for p in parity:
        refused += _gates(p, rule)
    assert golden is not None
    _refuse(out, refused)
    card = make_card(
        runs,
        judged,
        name=name,
        source=source,
        alarm=alarm,
        parity=parity,
        network=describe(model.network, model.keras_model.count_params()),
    )
    if not float32:
        del models[FLOAT_MODEL_FILE]
    card = write_bundle(out, card, models, climatology_of(runs), golden)
    size = sum(p.stat().st_size for p in out.iterdir()) // 1000
    tell(f"{out}: verified, {size} kB, trained on {card.training.data} data")
    return card


def _judged(run: JudgedRun) -> RunCard:
    name = one_line(run.folder.name)
    if not (run.folder / RUN_CARD_FILE).is_file():
        raise TrainError(f"run {name}: was not judged: run edge-train evaluate {name}")
    card = read_run_card(run.folder)
    if card.model_sha256 != run.record.model_sha256:
        raise TrainError(
            f"run {name}: {RUN_CARD_FILE} is of another model: run edge-train evaluate {name}"
        )
    if card.operating_point is None or not card.metrics:
        raise TrainError(
            f"run {name}: its evaluation did not come to its end: run edge-train evaluate {name}"
        )
    if not card.decisions.skilful or card.decisions.alarm_threshold is None:
        raise TrainError(
            f"run {name}: expected scores that rise from controls to positives on validation, got "
            "none: such a network is not shipped"
        )
    return card


def _starts(run: JudgedRun) -> list[JudgedRun]:
    """Find the runs that this one was tuned from, the first first."""
    if run.record.start is None:
        return []
    (start,) = find_runs([run.folder / run.record.start.path])
    if start.record.model_sha256 != run.record.start.model_sha256:
        raise TrainError(
            f"run {one_line(run.folder.name)}: the run that it was tuned from, "
            f"{one_line(start.folder.name)}, is another one now"
        )
    return [*_starts(start), start]


def _source(
    runs: Sequence[JudgedRun], name: str, alarm: AlarmRule, float32: bool, rule: Rule
) -> str:
    return identity_of(
        code_sha256(("trainer/export",)),
        [[r.record.identity, r.record.model_sha256] for r in runs],
        file_sha256(runs[-1].folder / RUN_CARD_FILE),
        [name, alarm.radius_km, alarm.duration_h, float32],
        [getattr(rule, field) for field in Rule.__dataclass_fields__],
    )


def _up_to_date(out: Path, source: str) -> Card | None:
    if not (out / CARD_FILE).is_file():
        return None
    try:
        card = load_bundle(out).card
    except BundleError:
        return None
    return card if card.source == source else None


def _hold(run: JudgedRun, model: KerasClassifier) -> _Held:
    windows = load_windows(run.dataset, "validation")
    stream = open_stream(run.dataset, "validation")
    whole = np.arange(stream.windows.size)
    parts = [
        model.logits_of(stream.windows.inputs(whole[i : i + _CHUNK]))
        for i in range(0, whole.size, _CHUNK)
    ]
    return _Held(windows, model.logits(windows), stream, np.concatenate(parts))


def _compare(
    file: str,
    held: _Held,
    matched: EdgeLogits,
    stream: EdgeLogits,
    judged: RunCard,
    calibration: Calibration,
) -> Parity:
    from sklearn.metrics import matthews_corrcoef, roc_auc_score

    truth = held.windows.positive
    scores = [calibration.scores(logits) for logits in (held.logits, matched.logits)]
    over = [s >= judged.decisions.threshold for s in scores]
    wide = [calibration.scores(logits) for logits in (held.stream_logits, stream.logits)]
    difference = np.abs(np.concatenate([scores[0] - scores[1], wide[0] - wide[1]]))
    flips = _alarmed(held.stream_logits, calibration, judged) != _alarmed(
        stream.logits, calibration, judged
    )
    return Parity(
        file=file,
        runtime=stream.runtime,
        windows=truth.size,
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        auc_keras=float(roc_auc_score(truth, scores[0])),
        auc_tflite=float(roc_auc_score(truth, scores[1])),
        mcc_keras=float(matthews_corrcoef(truth, over[0])),
        mcc_tflite=float(matthews_corrcoef(truth, over[1])),
        verdict_windows=flips.size,
        verdict_flips=float(flips.mean()),
    )


def _alarmed(logits: FloatArray, calibration: Calibration, judged: RunCard) -> BoolArray:
    threshold = judged.decisions.alarm_threshold
    assert threshold is not None
    result: BoolArray = calibration.scores(logits) >= threshold
    return result


def _ties(
    logits: FloatArray, held: _Held, calibration: Calibration, judged: RunCard
) -> tuple[float, float]:
    """Windows in the level of the output nearest to the threshold, over the alarmed windows.

    Returns
    -------
    logits, probabilities : float
        Of the file's logits, and of what a file that gives probabilities in 256 steps would say.

    Notes
    -----
    Rare positives have probabilities near 1, where 1/256 is a wide step: the logit is the output
    because it keeps them apart.
    """
    threshold = judged.decisions.alarm_threshold
    assert threshold is not None
    cut = (float(logit_of(np.array([threshold]))[0]) - calibration.intercept) / calibration.slope
    alarmed = max(int((held.stream_logits >= cut).sum()), 1)
    levels = np.unique(logits)
    nearest = levels[np.abs(levels - cut).argmin()]
    steps = np.floor(256.0 * sigmoid(held.stream_logits))
    at_cut = np.floor(256.0 * sigmoid(np.array([cut])))[0]
    return float((logits == nearest).sum() / alarmed), float((steps == at_cut).sum() / alarmed)


def _gates(parity: Parity, rule: Rule) -> list[str]:
    found = []
    loss = parity.auc_keras - parity.auc_tflite
    what = f"{parity.file} by {parity.runtime}"
    if loss > rule.auc_loss:
        found.append(f"{what} costs {loss:.4f} of ROC AUC: expected up to {rule.auc_loss:g}")
    if parity.verdict_flips > rule.verdict_flips:
        found.append(
            f"{what} gives {parity.verdict_flips:.3%} of the windows another verdict: expected up "
            f"to {rule.verdict_flips:.1%}"
        )
    return found


def _refuse(out: Path, reasons: list[str]) -> None:
    if reasons:
        raise TrainError(f"no bundle {one_line(out.name)}: {'; '.join(reasons)}")


def _golden(
    held: _Held, matched: EdgeLogits, calibration: Calibration, rule: Rule
) -> tuple[IntArray, GoldenWindows]:
    """Choose matched validation windows from the lowest to the highest score, and their places."""
    order = np.argsort(matched.logits, kind="stable")
    places = order[np.linspace(0, order.size - 1, rule.golden).round().astype(np.int64)]
    levels = np.unique(matched.logits)
    step = float(np.diff(levels).min()) if levels.size > 1 else 0.0
    # The logistic function is nowhere steeper than slope / 4.
    tolerance = float(min(0.5, max(1e-4, 0.25 * calibration.slope * rule.golden_steps * step)))
    scores = calibration.scores(matched.logits[places])
    return places, GoldenWindows(held.windows.inputs[places], scores, tolerance, {})


def _parity_line(parity: Parity) -> str:
    return (
        f"{parity.file} by {parity.runtime}: largest difference of a score "
        f"{parity.largest_difference:.4f}, mean {parity.mean_difference:.4f}; ROC AUC "
        f"{parity.auc_tflite:.4f} (Keras {parity.auc_keras:.4f}), MCC {parity.mcc_tflite:.3f} "
        f"({parity.mcc_keras:.3f}); another verdict {parity.verdict_flips:.3%} of "
        f"{parity.verdict_windows} windows"
    )
