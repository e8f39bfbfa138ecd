"""The command ``edge-train reference``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def reference(
    dataset: Annotated[
        Path, typer.Argument(readable=False, help="Folder that edge-train prepare wrote.")
    ],
    archive: Annotated[
        Path, typer.Option(readable=False, help="The simulated archive that it was made of.")
    ],
    out: Annotated[Path, typer.Option(readable=False, help="Scores, .npz.")],
    block: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
) -> None:
    """Score the matched windows of a dataset with the reference that knows the simulator.

    All is simulated: the archive, its perturbations and the detector that knows both. It is the
    yardstick of edge-train evaluate --reference, for whom the block test is meant.
    """
    # Imported here, so that a help text waits for no scipy.
    import io
    from contextlib import ExitStack

    import numpy as np

    from edge.entry import say
    from edge.errors import ConfigError, one_line
    from edge.outputs import replace_file
    from trainer.archives.progress import Progress
    from trainer.simulate.reference_scores import score_dataset
    from trainer.simulate.strengths import auc

    place = one_line(str(out))
    if out.is_dir() or not out.parent.is_dir():
        what = "is a folder" if out.is_dir() else "its folder is missing"
        raise ConfigError(f"--out {place}: {what}; valid is a file, such as scores.npz")
    with ExitStack() as stack:
        told: list[Progress] = []

        def tell(done: int, total: int) -> None:
            if not told:
                told.append(stack.enter_context(Progress("scoring", total)))
            told[0].add(1)

        found = score_dataset(dataset, archive, block, block == "test", tell)
    content = io.BytesIO()
    np.savez(
        content,
        half_orbit=found.half_orbit,
        first_cell=found.first_cell,
        time=found.time,
        label=found.label,
        log_ratio=found.log_ratio,
        reference=np.array(found.name),
        approximations=np.array(found.approximations, dtype=np.str_),
        strength=np.array(found.strength),
        block=np.array(block),
        simulated=np.array(True),
    )
    try:
        replace_file(out, content.getvalue())
    except OSError as error:
        raise ConfigError(f"--out {place}: {error.strerror or error}") from None
    positive = found.label == 1
    area = auc(found.log_ratio[positive], found.log_ratio[~positive])
    say(
        [
            f"{found.name}, strength {found.strength:g}, all simulated: AUC {area:.3f} on "
            f"{positive.size} windows of {block}, {int(positive.sum())} of them positive",
            *(f"approximation: {one}" for one in found.approximations),
        ]
    )
