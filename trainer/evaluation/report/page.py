"""``report.html``: a template filled with the report and its charts."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trainer.evaluation.report import words
from trainer.evaluation.report.data import Report, find

_FOLDER = Path(__file__).parent


def render(report: Report, charts: Mapping[str, bytes]) -> str:
    """Make the page.

    Parameters
    ----------
    report : Report
    charts : mapping of str to bytes
        Of `trainer.evaluation.report.charts.draw_charts`.

    Returns
    -------
    str
        HTML.
    """
    main = next(m for m in report.models if m.name == report.main)
    return fill("report.html.jinja", report=report, charts=charts, main=main, words=words)


def fill(name: str, folder: Path = _FOLDER, **content: Any) -> str:
    """Fill a template.

    Parameters
    ----------
    name : str
        Of a template that extends ``page.html.jinja``.
    folder : Path, optional
        Where it lies.
    **content
        Its variables; one that is missing is an error.

    Returns
    -------
    str
        HTML that loads nothing from elsewhere. All text is escaped.
    """
    return environment(folder).get_template(name).render(content)


def environment(folder: Path = _FOLDER) -> Environment:
    """Make the environment of the templates in a folder and in this package."""
    made = Environment(
        loader=FileSystemLoader([folder, _FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"anchor": _anchor, "data_url": _data_url, "find": find, "number": words.number}
    return made


def _anchor(heading: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower()))


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
