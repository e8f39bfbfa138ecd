from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.errors import MAX_LINE, InputError, one_line


@given(st.text())
def test_any_text_becomes_one_printable_line(text):
    assert one_line(text).isprintable()


def test_a_long_text_keeps_its_ends_and_loses_its_middle():
    line = one_line("begin " + 60_000 * "x" + " end")
    assert len(line) <= MAX_LINE
    assert line.startswith("begin x")
    assert line.endswith("x end")
    assert " ... " in line
    assert one_line("x" * MAX_LINE) == "x" * MAX_LINE
    assert len(str(InputError("a.h5", "y" * 60_000))) <= MAX_LINE + len("a.h5: ")
