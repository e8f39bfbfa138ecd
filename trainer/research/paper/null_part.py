"""Null missions, masks and placebos: where no skill may be, and whether there is any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.research.paper.pooled import Results, number, table

_PERMUTATIONS = 1000


def null_lines(tables: Results, placebos: Sequence[str]) -> list[str]:
    """Say what shows no skill, and what does.

    Returns
    -------
    list of str
        Markdown.
    """
    recipe = tables.design.recipe
    rows = []
    for label in recipe.labels:
        pool = tables.pool("classifiers", label, "mask")
        if pool is not None:
            rows.append([f"masks alone, {label}", number(pool.number("roc_auc"))])
    for name in placebos:
        pool = tables.pool("placebo", recipe.main_label, "seqnetquake", name)
        if pool is not None:
            rows.append([f"placebo {name}, trained again", number(pool.number("roc_auc"))])
    lines = [*table(["where no skill may be", "ROC AUC"], rows), ""]
    rows = []
    for label in recipe.labels:
        for result in tables.units("classifiers", label):
            shifted = result.facts.get("stream", {}).get("shifted")
            if not shifted or not shifted["placebos"]:
                continue
            values = np.array(shifted["placebos"])
            real = shifted["real"]
            share = (1 + int((values >= real).sum())) / (1 + values.size)
            rows.append(
                [
                    f"{label}, repetition {result.facts['seed']}",
                    f"{real:.3f}",
                    f"{np.mean(values):.3f} ({np.quantile(values, 0.025):.3f} to "
                    f"{np.quantile(values, 0.975):.3f})",
                    str(values.size),
                    f"{share:.3f}",
                ]
            )
    head = ["unselected test windows", "AUC, true times", "AUC, shifted (95 %)", "shifts", "p"]
    return [*lines, *table(head, rows)]
