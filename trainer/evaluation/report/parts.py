"""Pieces of a page that stands alone: skeleton, style, tables with headers, inlined charts."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from trainer.evaluation.bootstrap import exact_interval
from trainer.evaluation.report.data import Estimate

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem; color: #1b1f24; background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.notice { margin: 0 -1rem 1.5rem; padding: .8rem 1rem; background: #7a2e00; color: #fff;
  font-weight: 600; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.2rem 0 .6rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; padding-top: .6rem;
  border-top: 2px solid #d5d9de; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; }
p, li { overflow-wrap: anywhere; }
nav a { margin-right: 1rem; }
.scroll { overflow-x: auto; margin: .8rem 0; }
.scroll:focus-visible { outline: 2px solid #0072B2; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .2rem 0; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid #d5d9de; text-align: right;
  vertical-align: top; white-space: nowrap; }
thead th { border-bottom: 2px solid #6b7480; white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
th[scope=row] { font-weight: 600; }
td small { display: block; color: #4b5563; font-size: .82em; }
td.words { white-space: normal; text-align: left; min-width: 14rem; }
figure { margin: 1rem 0; }
figure img { display: block; width: 100%; max-width: 52rem; height: auto;
  border: 1px solid #d5d9de; }
figcaption { font-size: .9rem; color: #4b5563; }
th[scope=row] { position: sticky; left: 0; background: #fff; }
dl { font-size: .92rem; }
dt { font-weight: 600; margin-top: .5rem; }
dd { margin: 0; }
@media (min-width: 44rem) {
  dl { display: grid; grid-template-columns: 11rem 1fr; gap: .25rem 1rem; }
  dt { margin: 0; }
}
.optimistic { background: #fdecea; border-left: .4rem solid #a33a2a; padding: .5rem .8rem; }
@media print { .scroll { overflow: visible; } body { max-width: none; } }
"""


def page(title: str, notice: str, body: Sequence[str]) -> str:
    """Put a page together.

    Parameters
    ----------
    title : str
    notice : str
        The first line of the page.
    body : sequence of str
        HTML.

    Returns
    -------
    str
        It loads nothing from elsewhere.
    """
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # A page that needs nothing from elsewhere is not to fetch anything either.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "img-src data:; style-src 'unsafe-inline'\">",
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f'<p class="notice" role="note">{escape(notice)}</p>',
            "<main>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def paragraph(text: str, kind: str = "") -> str:
    """Make a paragraph of plain text."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def heading(text: str, level: int = 2) -> str:
    """Make a heading of plain text; those of level 2 are what `contents` links to."""
    return f'<h{level} id="{_anchor(text)}">{escape(text)}</h{level}>'


def contents(titles: Sequence[str]) -> str:
    """Make links to the headings of these texts."""
    links = "".join(f'<a href="#{_anchor(t)}">{escape(t)}</a> ' for t in titles)
    return f'<nav aria-label="Contents">{links}</nav>'


def _anchor(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table; the first cell of a row is its header.

    Parameters
    ----------
    caption : str
    columns : sequence of str
        Plain text.
    rows : sequence of sequence of str
        HTML of the cells; see `cell` and `words`.

    Returns
    -------
    str
        HTML that scrolls sideways by itself where the screen is narrow.
    """
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in columns)
    lines = [
        f'<tr><th scope="row">{row[0]}</th>' + "".join(_data(c) for c in row[1:]) + "</tr>"
        for row in rows
    ]
    label = escape(caption, quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _data(content: str) -> str:
    kind = ' class="words"' if content.startswith("<span>") else ""
    return f"<td{kind}>{content}</td>"


def words(text: str) -> str:
    """Make a cell of text that may wrap."""
    return f"<span>{escape(text)}</span>"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number; a dash where there is none."""
    if value is None:
        return "not known"
    if value != 0.0 and abs(value) < 10.0**-digits:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def cell(found: Estimate | None, digits: int = 3) -> str:
    """Make a cell of a number with its interval below."""
    if found is None or found.value is None:
        return "not known"
    low, high = found.low, found.high
    if low is None or high is None:
        return f"{number(found.value, digits)}<small>no interval</small>"
    if low == high:
        # All resamples alike say that there are few, not that the number is sure.
        counted = f"{found.sample.clusters} clusters"
        if found.name == "event_recall" and found.value in (0.0, 1.0):
            low, high = exact_interval(round(found.value * found.sample.clusters),
                                       found.sample.clusters)  # fmt: skip
            some = "all" if found.value else "none"
            return (
                f"{number(found.value, digits)}<small>{some} of {counted}; exactly "
                f"{number(low, digits)} to {number(high, digits)}</small>"
            )
        return f"{number(found.value, digits)}<small>no spread over {counted}</small>"
    return (
        f"{number(found.value, digits)}"
        f"<small>{number(low, digits)} to {number(high, digits)}</small>"
    )


def chart(png: bytes | None, alternative: str, caption: str) -> str:
    """Make a figure of PNG bytes; nothing where there are none."""
    if png is None:
        return ""
    content = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{content}" '
        f'alt="{escape(alternative, quote=True)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def meanings(entries: Sequence[tuple[str, str]]) -> str:
    """Make a list of terms with a sentence on each."""
    return (
        "<dl>" + "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in entries) + "</dl>"
    )
