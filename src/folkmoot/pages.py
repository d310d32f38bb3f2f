"""Pages that open offline: one style sheet, numbers in words, templates in which every text is escaped."""

from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

STYLE = "pages.css"
"""What a template includes for the look that all pages share."""


def render_page(package: str, template: str, /, **context: Any) -> str:
    """Return a template of `package` as HTML; every text in it is escaped, and a missing value is an error."""

    def load(name: str) -> str:
        return resources.files("folkmoot" if name == STYLE else package).joinpath(name).read_text("utf-8")

    environment = Environment(
        loader=FunctionLoader(load), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(points=points, percent=percent, whole_percent=whole_percent, number=number)
    return environment.get_template(template).render(**context)


def points(share: float) -> str:
    """Format a difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def percent(share: float) -> str:
    """Format a share in per cent."""
    return f"{100 * share:.1f}%"


def whole_percent(share: float) -> str:
    """Format a share in per cent without decimals."""
    return f"{100 * share:.0f}%"


def number(value: float) -> str:
    """Format a plain number with three significant digits."""
    return (f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}").replace("-", "−")
