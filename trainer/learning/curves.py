"""What each epoch of a training came to: as a table and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.outputs import replace_files

_COLUMNS = ("epoch", "loss", "validation_loss", "validation_pr_auc")
_DPI = 110
_TRAIN, _VALIDATION, _BEST = "#1f5fa8", "#c8552b", "#30343b"


def write_curves(
    table: Path, picture: Path, history: list[dict[str, Any]], title: str, kept: int
) -> None:
    """Write table and picture, each whole.

    Parameters
    ----------
    table, picture : Path
        CSV and PNG in one folder.
    history : list of dict
        Of each epoch: number, loss, and loss and PR AUC of validation.
    title : str
        It says whether the mission is simulated.
    kept : int
        Number of the epoch whose weights were kept; 0: those of the start.
    """
    replace_files({table: csv_table(history, _COLUMNS), picture: _png(history, title, kept)})


def csv_table(rows: Sequence[dict[str, Any]], first: Sequence[str]) -> bytes:
    """Write rows as CSV; what a row lacks is empty.

    Parameters
    ----------
    rows : sequence of dict
    first : sequence of str
        Columns that come first, and always; others follow in the order of their names.

    Returns
    -------
    bytes
    """
    columns = [*first, *sorted({key for row in rows for key in row} - set(first))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(c) is None else row[c] for c in columns])
    return text.getvalue().encode()


def _png(history: list[dict[str, Any]], title: str, kept: int) -> bytes:
    # No pyplot: it holds every figure, and looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.0, 5.5), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    epoch = [h["epoch"] for h in history]
    for axes, key, label, colour in (
        (above, "loss", "training", _TRAIN),
        (above, "validation_loss", "validation", _VALIDATION),
        (below, "validation_pr_auc", "validation", _VALIDATION),
    ):
        values = [h.get(key, float("nan")) for h in history]
        axes.plot(epoch, values, color=colour, label=label, marker="o", markersize=3)
    for axes, name in ((above, "loss"), (below, "area under the PR curve")):
        axes.axvline(kept, color=_BEST, linewidth=0.8, linestyle=":", label="kept")
        axes.set_ylabel(name)
        axes.legend(frameon=False, fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    below.set_xlabel("epoch")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title, fontsize="medium")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": ""})
    return picture.getvalue()
