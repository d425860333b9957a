"""A report as one page that needs nothing beside itself: index.html."""

import base64
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from dlhw.reporting.document import Document

if TYPE_CHECKING:
    from jinja2 import Template

MARK = '<meta name="generator" content="dlhw-report">'


def html(document: Document) -> str:
    """The whole report, pictures included; every text is escaped."""
    return _template().render(document=document)


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return environment.from_string((files("dlhw.reporting") / "page.html").read_text(encoding="utf-8"))
