"""Text of strangers: gzip and encodings known by their bytes, anything else a ValueError."""

from __future__ import annotations

import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.text import decode, unpack

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1),
    st.sampled_from(ENCODINGS),
    st.booleans(),
)
def test_what_a_program_saves_is_read(tail, encoding, packed):
    # Tables, TOML and XML begin with ASCII.
    raw = f"a{tail}".encode(encoding)
    assert decode(unpack(gzip.compress(raw) if packed else raw)) == f"a{tail}"


@given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda b: b"\x1f\x8b\x08" + b))
def test_any_bytes_are_text_or_a_value_error(raw):
    with contextlib.suppress(ValueError):
        assert isinstance(decode(unpack(raw)), str)
    with contextlib.suppress(ValueError):
        assert isinstance(decode(unpack(raw), "latin-1"), str)


def test_the_fallback_serves_what_is_not_utf_8():
    assert decode("Malm\xf6".encode("latin-1"), "latin-1") == "Malm\xf6"
    assert decode("Malm\xf6".encode(), "latin-1") == "Malm\xf6"
    with pytest.raises(UnicodeDecodeError):
        decode("Malm\xf6".encode("latin-1"))


@pytest.mark.parametrize("cut", [1, 9, 12])
def test_gzip_that_is_cut_short_is_named(cut):
    with pytest.raises(ValueError, match=r"^damaged gzip: "):
        unpack(gzip.compress(b"time,latitude\n" * 9)[:-cut])
