"""A report as one page that needs nothing beside itself: index.html."""

from functools import cache
from typing import TYPE_CHECKING

from dlhw.reporting.document import Document
from dlhw.reporting.templating import environment

if TYPE_CHECKING:
    from jinja2 import Template

MARK = '<meta name="generator" content="dlhw-report">'


def html(document: Document) -> str:
    """The whole report, pictures included; every text is escaped."""
    return _template().render(document=document)


@cache
def _template() -> "Template":
    return environment("dlhw.reporting", ["page.html"]).get_template("page.html")
