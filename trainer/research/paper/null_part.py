"""Null missions, masks and placebos: where no skill may be, and whether there is any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.evaluation.null_test import NullResult, coverage, max_statistic
from trainer.research.paper.design import NULL
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
    models = [*recipe.classifiers, "full@1"]
    lines = []
    units = tables.units("classifiers", NULL)
    if units:
        pools = {m: p for m in models if (p := tables.pool("classifiers", NULL, m)) is not None}
        each = [
            NullResult(model, seed, *found)
            for model, pool in pools.items()
            for seed, found in enumerate(pool.each("roc_auc"))
        ]
        if each:
            found = coverage(each)
            lines += [
                f"Null missions: of {found.intervals} intervals of an AUC (models x repetitions) "
                f"{found.covered} hold 0.5, {100 * found.share:.0f} % "
                f"({100 * found.low:.0f} to {100 * found.high:.0f} %, as if independent); p that "
                f"this agrees with 95 %: {found.p_value:.2g}.",
                "",
            ]
        rows = []
        for result in units:
            scores = {m: result.scores[f"{m}|test"] for m in models if f"{m}|test" in result.scores}
            test = max_statistic(
                scores,
                result.scores["truth|test"] > 0.5,
                result.scores["group|test"].astype(np.int64),
                _PERMUTATIONS,
                int(result.facts["seed"]),
            )
            auc = test.auc[test.model]
            rows.append(
                [str(result.facts["seed"]), test.model, f"{auc:.3f}", f"{test.p_value:.3f}"]
            )
        head = ["null mission", "best model", "its AUC", "p, corrected for all models"]
        lines += [*table(head, rows), ""]
    rows = []
    for label in recipe.labels:
        pool = tables.pool("classifiers", label, "mask")
        if pool is not None:
            rows.append([f"masks alone, {label}", number(pool.number("roc_auc"))])
    for name in placebos:
        pool = tables.pool("placebo", recipe.main_label, "seqnetquake", name)
        if pool is not None:
            rows.append([f"placebo {name}, trained again", number(pool.number("roc_auc"))])
    lines += [*table(["where no skill may be", "ROC AUC"], rows), ""]
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
