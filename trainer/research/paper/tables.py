"""The tables of what was run through native files, from the scores of its units."""

from __future__ import annotations

from typing import Any

from trainer.research.paper.design import NULL, PLACEBOS, ablations
from trainer.research.paper.null_part import null_lines
from trainer.research.paper.pooled import (
    Number,
    Results,
    count,
    number,
    table,
)

#: Headline numbers of Xiong et al. 2021, of real data: F1 and MCC.
PAPER = {
    "direct": ("0.679", "0.427"),
    "transfer": ("0.761", "0.551"),
    "second": ("0.546-0.611 (CNN)", "0.260-0.335 (CNN)"),
}
NOT_COMPARABLE = "paper, on real data, not comparable"
#: Of fewer test clusters a number would have an interval that means nothing.
_LEAST_CLUSTERS = 10


class PaperTables(Results):
    """Makes the tables."""

    def check(self) -> list[str]:
        """Give classifiers and baselines, and their share of the reference's skill."""
        lines = []
        for label in self.design.recipe.labels:
            reference = None if label == NULL else self.pool("classifiers", label, "reference")
            rows = []
            for kind in (*self.design.recipe.classifiers, *self.design.recipe.baselines):
                pool = self.pool("classifiers", label, kind)
                if pool is None:
                    continue
                share = None if reference is None else pool.share_of(reference)
                metrics = [number(pool.number(m)) for m in ("roc_auc", "f1", "mcc")]
                rows.append([kind, *metrics, "" if share is None else _percent(share)])
            head = [label, "ROC AUC", "F1", "MCC", "share of the reference"]
            lines += [*table(head, rows), ""]
        return lines[:-1]

    def ablations(self) -> list[str]:
        """Give every ablation of direct training."""
        label = self.design.recipe.main_label
        if not any(name.startswith(f"ablation-{label}-") for name in self.results):
            return ["Not run."]
        rows = []
        for variant, _, _, _ in ablations(self.design):
            pool = self.pool("ablation", label, "seqnetquake", variant)
            done = self.units("ablation", label, variant)
            names = [f"ablation-{label}-{variant}-seed{s}" for s in self.design.recipe.seeds]
            tried = [n for n in names if n in self.results]
            if pool is None:
                why = next(
                    (str(self.results[n].facts["failed"]) for n in tried
                     if "failed" in self.results[n].facts), "not run",
                )  # fmt: skip
                rows.append([variant, "0", "", "", why, "", ""])
                continue
            clusters = sum(r.facts["test_clusters"] for r in done)
            windows = sum(r.facts["train_windows"] for r in done)
            rows.append(
                [
                    variant,
                    f"{len(done)} of {len(tried)}",
                    count(windows),
                    count(clusters),
                    *(_enough(pool.number(m), clusters) for m in ("roc_auc", "f1", "mcc")),
                ]
            )
        head = [
            "variant", "repetitions", "training windows", "test clusters", "ROC AUC", "F1", "MCC",
        ]  # fmt: skip
        return table(head, rows)

    def nothing(self) -> list[str]:
        """Say what null missions, masks and placebos show."""
        return null_lines(self, [*PLACEBOS])

    def stream(self) -> list[str]:
        """Give what running forward in time costs."""
        names = (
            "alarms_per_night_half_orbit", "alarmed_share", "base_rate", "precision",
            "event_recall", "probability_gain", "area_skill_score", "roc_auc",
        )  # fmt: skip
        rows = []
        for label in self.design.recipe.labels:
            for result in self.units("classifiers", label):
                rates = {r["name"]: r for r in result.facts.get("stream", {}).get("rates", [])}
                cells = [_rate(rates.get(n)) for n in names]
                rows.append([f"{label}, repetition {result.facts['seed']}", *cells])
        return table(["strength", *(n.replace("_", " ") for n in names)], rows)

    def molchan(self) -> list[tuple[str, list[float], list[float]]]:
        """Give Molchan's diagrams: name, alarmed share, miss rate."""
        return [
            (f"{label}, repetition {result.facts['seed']}", curve["x"], curve["y"])
            for label in self.design.recipe.labels
            for result in self.units("classifiers", label)
            if (curve := result.facts.get("stream", {}).get("molchan"))
        ]


def _enough(found: Number, clusters: int) -> str:
    return number(found) if clusters >= _LEAST_CLUSTERS else "too few clusters"


def _percent(share: Number) -> str:
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"


def _rate(rate: dict[str, Any] | None) -> str:
    if rate is None or rate["value"] is None:
        return "-"
    if rate.get("low") is None:
        return f"{rate['value']:.3g}"
    return f"{rate['value']:.3g} ({rate['low']:.3g} to {rate['high']:.3g})"
