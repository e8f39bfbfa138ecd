"""What is done of a reproduction, by kind, strength and model."""

from __future__ import annotations

from trainer.reproduction.design import Design
from trainer.reproduction.pooled import Pool, UnitResult


class Results:
    """Finds units, and pools their repetitions.

    Parameters
    ----------
    design : Design
    results : dict of str to UnitResult
        By unit; what is asked for takes the repetitions that are there.
    """

    def __init__(self, design: Design, results: dict[str, UnitResult]) -> None:
        self.design = design
        self.results = results
        self._pools: dict[tuple[str, str, str, str], Pool] = {}

    def units(self, kind: str, label: str, variant: str = "base") -> list[UnitResult]:
        """Units of all repetitions that came to scores."""
        names = [f"{kind}-{label}-{variant}-seed{s}" for s in self.design.recipe.seeds]
        found = [self.results[n] for n in names if n in self.results]
        return [r for r in found if "failed" not in r.facts]

    def pool(self, kind: str, label: str, model: str, variant: str = "base") -> Pool | None:
        """One model over the repetitions that have it, or None."""
        key = (kind, label, variant, model)
        if key not in self._pools:
            units = [r for r in self.units(kind, label, variant) if f"{model}|test" in r.scores]
            if not units:
                return None
            self._pools[key] = Pool(
                units, model, self.design.recipe.resamples, model == "reference"
            )
        return self._pools[key]
