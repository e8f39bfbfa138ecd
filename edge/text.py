"""Text that strangers wrote: packed or not, in whatever encoding their program saves."""

from __future__ import annotations

import codecs
import gzip
import zlib

_GZIP = b"\x1f\x8b"
_PACKED = {
    b"PK\x03\x04": "a ZIP archive",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
    b"(\xb5/\xfd": "packed by zstd",
}
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def unpack(raw: bytes) -> bytes:
    """Undo gzip, which is known by its first bytes: a name promises nothing.

    Parameters
    ----------
    raw : bytes
        A whole file.

    Raises
    ------
    ValueError
        It is cut short or damaged, or packed in another way, which is named.
    """
    for start, what in _PACKED.items():
        if raw.startswith(start):
            raise ValueError(f"expected plain text or gzip, got {what}: unpack it first")
    if not raw.startswith(_GZIP):
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"damaged gzip: {error}") from None


def decode(content: bytes, fallback: str | None = None) -> str:
    """Decode UTF-8, or what a byte order mark or the zeros of ASCII in UTF-16 tell.

    Parameters
    ----------
    content : bytes
        Not packed.
    fallback : str, optional
        Encoding of what is not UTF-8, such as ``latin-1`` where only the ASCII in it counts.

    Returns
    -------
    str
        Without the mark.

    Raises
    ------
    UnicodeDecodeError
        A ValueError; there is no `fallback`, or the bytes are not of the encoding of their mark.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    zeros = tuple(byte == 0 for byte in content[:2])
    if zeros in ((False, True), (True, False)):
        return content.decode("utf-16-le" if zeros[1] else "utf-16-be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        if fallback is None:
            raise
        return content.decode(fallback)
