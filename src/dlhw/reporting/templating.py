"""What every page of ours is made with: one stylesheet, one way to write a table, every text escaped."""

import base64
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dlhw.display import visible_lines

if TYPE_CHECKING:
    from jinja2 import Environment

SHARED = ("style.css", "table.html")


def _shown(value: Any) -> Any:
    """Without control characters; what templates have made themselves (`Markup`) stays as it is."""
    return visible_lines(value) if type(value) is str else value


def environment(package: str, names: Sequence[str]) -> "Environment":
    """Templates of a package, which may include `style.css` and import `table.html`."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    places = dict.fromkeys(SHARED, "dlhw.reporting") | dict.fromkeys(names, package)
    texts = {name: (files(place) / name).read_text(encoding="utf-8") for name, place in places.items()}
    made = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    made.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return made
