"""One training run from a dataset to a run folder: once, resumed, or found up to date."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge.errors import one_line
from edge.outputs import replace_file
from edge.watching import hold
from trainer.common.errors import TrainError
from trainer.models.classifier import Classifier, Tell, silent
from trainer.models.window_set import WindowSet
from trainer.training.fitting import (
    OnEpoch,
    Scores,
    fit_classifier,
    history_of,
    validation_scores,
    write_curves,
)
from trainer.training.fractions import count_clusters, shrink_validation, take_fraction
from trainer.training.loading import load_windows
from trainer.training.provenance import refuse_another, write_record
from trainer.training.run_folder import (
    CHECKPOINT_FOLDER,
    CURVES_PICTURE,
    CURVES_TABLE,
    MODEL_FOLDER,
    RECIPE_FILE,
    BlockRecord,
    HistoryRecord,
    TrainingRun,
    hash_files,
    load_model,
    read_run,
)
from trainer.training.run_plan import Request, plan_run
from trainer.training.run_recipe import recipe_text

_COMMAND = "edge-train"
#: Two areas of the same ranking differ by rounding alone.
_SAME = 1e-6


def run_training(
    request: Request, tell: Tell = silent, on_epoch: OnEpoch | None = None
) -> TrainingRun:
    """Train a classifier and write its run folder.

    Parameters
    ----------
    request : Request
    tell : callable, optional
        Takes a line of progress.
    on_epoch : callable, optional
        Called after each epoch of a network, which is then not told as a line.

    Raises
    ------
    ConfigError, TrainError
        Recipe, dataset, start and folder do not go together; nothing is overwritten.
    Busy
        Another process works on the folder.

    Notes
    -----
    Run again, it finds the run up to date. Killed, it goes on from the last epoch and comes to
    the weights of a run that was not; with other code in between it begins anew.
    """
    planned = plan_run(request, tell)
    refuse_another(request.out, planned)
    with hold(request.out, _COMMAND):
        found = refuse_another(request.out, planned)
        checkpoint = request.out / CHECKPOINT_FOLDER
        if found is not None and found.complete:
            record = read_run(request.out)
            shutil.rmtree(checkpoint, ignore_errors=True)
            other = "" if record.code_sha256 == planned.code_sha256 else ", made by other code"
            tell(f"{request.out.name} is up to date{other}")
            return record
        if checkpoint.exists():
            if found is not None and found.code_sha256 == planned.code_sha256:
                tell("an interrupted run goes on")
            else:
                tell("the code has changed since the run was interrupted: it begins anew")
                shutil.rmtree(checkpoint)
        used = msgspec.structs.replace(request.recipe, parameters=planned.parameters)
        replace_file(request.out / RECIPE_FILE, recipe_text(used).encode())
        write_record(request.out, planned)
        with _clear_disk_errors(request.out):
            return _train(request, planned, checkpoint, tell, on_epoch)


def _train(
    request: Request, planned: TrainingRun, checkpoint: Path, tell: Tell, on_epoch: OnEpoch | None
) -> TrainingRun:
    from trainer.models.registry import save_classifier

    out, recipe = request.out, request.recipe
    whole = {split: load_windows(request.dataset, split) for split in ("train", "validation")}
    train = take_fraction(whole["train"], recipe.fraction, recipe.seed)
    validation = shrink_validation(whole["validation"], recipe.fraction, recipe.seed)
    blocks = (_block(train, whole["train"]), _block(validation, whole["validation"]))
    for name, block in zip(("training", "validation"), blocks, strict=True):
        tell(f"{block.windows} {name} windows of {block.clusters} earthquake clusters")
    model = fit_classifier(
        recipe.kind,
        recipe.parameters,
        recipe.seed,
        train,
        validation,
        start=None if request.start is None else load_model(request.start),
        transfer=None if recipe.transfer is None else recipe.transfer.mode,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        # An epoch is shown once.
        tell=tell if on_epoch is None else silent,
    )
    save_classifier(model, out / MODEL_FOLDER)
    scores = validation_scores(model, validation)
    history = _write_history(out, planned, model, scores)
    record = msgspec.structs.replace(
        planned,
        state="complete",
        train=blocks[0],
        validation=blocks[1],
        history=history,
        scores=scores,
        files=hash_files(out, out / MODEL_FOLDER),
    )
    write_record(out, record)
    shutil.rmtree(checkpoint, ignore_errors=True)
    tell(
        f"{out.name}: complete; validation ROC AUC {scores.roc_auc:.4f}, "
        f"PR AUC {scores.pr_auc:.4f}" + (", simulated" if record.simulated else "")
    )
    return record


def _block(some: WindowSet, whole: WindowSet) -> BlockRecord:
    return BlockRecord(
        windows=len(some),
        positives=int(some.positive.sum()),
        clusters=count_clusters(some),
        windows_in_all=len(whole),
        clusters_in_all=count_clusters(whole),
    )


def _write_history(
    out: Path, planned: TrainingRun, model: Classifier, scores: Scores
) -> HistoryRecord | None:
    history = history_of(model)
    if not history:
        return None
    least = min(history, key=lambda epoch: float(epoch["validation_loss"]))
    kept = int(least["epoch"])
    # Where no epoch was better than the start, the model ranks the windows as none of them did.
    if planned.start is not None and abs(scores.pr_auc - least["validation_pr_auc"]) > _SAME:
        kept = 0
    missions = planned.mission.upper() + (", simulated missions" if planned.simulated else "")
    title = f"{planned.name}: {planned.kind}, {planned.stage} on {missions}, seed {planned.seed}"
    write_curves(out / CURVES_TABLE, out / CURVES_PICTURE, history, title, kept)
    return HistoryRecord(
        epochs=len(history),
        kept_epoch=kept,
        least_validation_loss=float(least["validation_loss"]),
    )


@contextmanager
def _clear_disk_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = "" if error.filename is None else f"{Path(str(error.filename)).name}: "
        raise TrainError(f"run {one_line(out.name)}: {what}{error.strerror or error}") from None
