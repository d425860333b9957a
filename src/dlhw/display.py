"""Text and times for a console or a page, safe to show: untrusted text cannot control the terminal."""

import re

# Control characters (C0, DEL, C1), line and paragraph separators, marks that reverse the text direction, and
# lone surrogates, which stand for bytes of a file name that are not UTF-8.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# What spreadsheets interpret as the start of a formula, unless it is a number.
FORMULA = re.compile(r"[=+\-@]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def visible(text: str) -> str:
    r"""Text on one line, with control characters written as escapes.

    >>> print(visible("a\x1b[31mred\nb"))
    a\x1b[31mred\nb
    """
    return UNSAFE.sub(lambda match: _escape(match[0]), text)


def visible_lines(text: str) -> str:
    """The same for text that may have line breaks."""
    return "\n".join(map(visible, text.split("\n")))


def _escape(letter: str) -> str:
    code = ord(letter)
    return SHORT.get(letter) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def csv_cell(value: object) -> str:
    """A cell of a CSV file: floats in full precision, empty for None, no text that a spreadsheet would run.

    Text that begins with = + - or @ gets an apostrophe, which spreadsheets hide; numbers stay numbers.

    >>> csv_cell(0.1), csv_cell(None), csv_cell("-2.5"), csv_cell("=1+1"), csv_cell("-x")
    ('0.1', '', '-2.5', "'=1+1", "'-x")
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value) if isinstance(value, float) else str(value)
    text = visible(value)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def duration(seconds: float) -> str:
    """A duration in words.

    >>> [duration(seconds) for seconds in (0.04, 75, 7300)]
    ['0.0 s', '1 min 15 s', '2 h 1 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
