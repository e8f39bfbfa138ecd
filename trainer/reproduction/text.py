"""Numbers and tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.reproduction.pooled import Difference, Number


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a table, one line a row."""
    if not rows:
        return ["Not run."]
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def number(found: Number) -> str:
    """Spell a number with its interval."""
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def signed(found: Difference) -> str:
    """Spell a difference with its interval and p value."""
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}), p {found.p:.2g}"


def count(value: int) -> str:
    """Spell a count."""
    return f"{value:,}"
