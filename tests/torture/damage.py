"""Damage to a file, as hypothesis strategies: cut, flipped, shifted, with wrong sizes, of another format."""

from collections.abc import Sequence

from hypothesis import strategies as st

# Sizes that a header may claim, in the byte orders of the formats: terabytes, and the ends of the integers.
CLAIMS = [
    number.to_bytes(width, order)
    for width in (2, 4, 8)
    for order in ("little", "big")
    for number in (0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), min(10**13, 2 ** (8 * width) - 2))
] + [b"9" * 13, b"-1", b"1e400", b"[" * 2000, b"{" * 2000, b"- " * 2000, b"\0" * 64]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, originals: Sequence[bytes], foreign: Sequence[bytes] = ()) -> bytes:
    """A damaged copy of a whole file.

    Args:
        originals: whole files, some of another shape or dtype.
        foreign: files of other formats.
    """
    if foreign and draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from(foreign))
    content = draw(st.sampled_from(originals))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        content = draw(st.sampled_from(MUTATIONS))(draw, content)
    return content


def _place(draw: st.DrawFn, content: bytes) -> int:
    """A random position; a third of the time among the first bytes, where headers are."""
    end = min(len(content), draw(st.sampled_from((96, 2**30, 2**30))))
    return draw(st.integers(0, 2**16 - 1)) * end >> 16


def cut(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut the end off, as an interrupted write does."""
    return content[: _place(draw, content)]


def flip(draw: st.DrawFn, content: bytes) -> bytes:
    """Flip one bit."""
    if not content:
        return content
    place, bit = _place(draw, content), draw(st.integers(0, 7))
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def insert(draw: st.DrawFn, content: bytes) -> bytes:
    """Insert bytes."""
    place = _place(draw, content)
    return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]


def remove(draw: st.DrawFn, content: bytes) -> bytes:
    """Remove bytes."""
    place = _place(draw, content)
    return content[:place] + content[place + draw(st.integers(1, 16)) :]


def claim(draw: st.DrawFn, content: bytes) -> bytes:
    """Overwrite a possible size with another number."""
    place, number = _place(draw, content), draw(st.sampled_from(CLAIMS))
    return content[:place] + number + content[place + len(number) :]


def repeat(draw: st.DrawFn, content: bytes) -> bytes:
    """Repeat some bytes."""
    start = _place(draw, content)
    stretch = content[start : start + draw(st.integers(1, 64))]
    return content[:start] + stretch + content[start:]


def blank(draw: st.DrawFn, content: bytes) -> bytes:
    """Overwrite a block with zeros, as a file system does after a power cut."""
    start, length = _place(draw, content), draw(st.integers(1, 512))
    return content[:start] + bytes(len(content[start : start + length])) + content[start + length :]


MUTATIONS = [cut, flip, insert, remove, claim, repeat, blank]
