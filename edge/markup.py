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
    name : str
    *content : str or Markup
    **attributes : str or float, optional
        One that is None is left out; ``class_`` is ``class``, ``aria_label`` ``aria-label``.

    Returns
    -------
    Markup
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
    caption: str,
    columns: tuple[str, ...],
    rows: list[tuple[str | Markup, ...]],
    class_: str | None = None,
) -> Markup:
    """Make a table whose first column names its rows; a narrow screen scrolls it sideways.

    Parameters
    ----------
    caption : str
    columns : tuple of str
    rows : list of tuple of str or Markup
    class_ : str, optional

    Returns
    -------
    Markup
    """
    head = element("tr", *(element("th", c, scope="col") for c in columns))
    body = (
        element("tr", element("th", row[0], scope="row"), *(element("td", c) for c in row[1:]))
        for row in rows
    )
    made = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_=class_,
    )
    return element("div", made, class_="wide", role="region", aria_label=caption, tabindex=0)
