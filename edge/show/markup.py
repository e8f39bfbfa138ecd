"""HTML and SVG elements whose text and attributes are always escaped."""

from __future__ import annotations

from html import escape

_VOID = ("meta",)


class Markup(str):
    """Text that is markup already; any other text is escaped where it is put in."""

    __slots__ = ()


def element(name: str, *content: str | Markup, **attributes: str | float | None) -> Markup:
    """Make an element.

    Parameters
    ----------
    **attributes : str or float, optional
        One that is None is left out; ``class_`` is ``class``, ``aria_label`` ``aria-label``.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(*content)}</{name}>")


def joined(*content: str | Markup) -> Markup:
    """Put texts and elements one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in content))


def paragraph(*content: str | Markup, **attributes: str | float | None) -> Markup:
    """Make a paragraph."""
    return element("p", *content, **attributes)


def table(
    caption: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], class_: str | None = None
) -> Markup:
    """Make a table whose first column names its rows; a narrow screen scrolls it sideways.

    Parameters
    ----------
    class_ : str, optional
        ``stack``: a narrow screen shows a row as a list.

    Notes
    -----
    The roles say again what the elements are: a style that stacks them takes that away.
    """

    def row(first: str, others: tuple[str, ...]) -> Markup:
        cells = (
            element("td", text, role="cell", data_label=name)
            for name, text in zip(columns[1:], others, strict=True)
        )
        head = element("th", first, scope="row", role="rowheader")
        return element("tr", head, *cells, role="row")

    heads = (element("th", name, scope="col", role="columnheader") for name in columns)
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", *(row(r[0], r[1:]) for r in rows), role="rowgroup"),
        role="table",
        class_=class_,
    )
    return element("div", made, class_="wide", role="region", aria_label=caption, tabindex=0)
