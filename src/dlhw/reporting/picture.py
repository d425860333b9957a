"""A figure with what is said of it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure.

    Args:
        name: of its files, without ending.
        caption: what it shows, and how bands and bars are to be read.
        alt: what a reader who cannot see it should know.
        png: the file's bytes.
        pdf: the same for a write-up.
    """

    name: str
    caption: str
    alt: str
    png: bytes
    pdf: bytes
