"""A picture of points on logarithmic axes, as SVG that needs nothing else."""

from collections.abc import Sequence
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 560, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 50, 20, 50
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.axis{stroke:#ddd}.line{fill:none;stroke:#1f5f8b;stroke-width:2}"
    ".dot{fill:#1f5f8b}.even{stroke:#999;stroke-dasharray:5 4}"
)


def log_log(points: Sequence[tuple[float, float, str]], across: str, up: str, title: str) -> str:
    """Draw points, each with its label, joined by a line; a broken line through the last grows like what lies across.

    Args:
        points: x, y and label; both above 0.
    """
    x, y = (np.log10([point[axis] for point in points]) for axis in (0, 1))
    low_x, high_x, low_y, high_y = (
        float(edge) for edge in (np.floor(x.min()), np.ceil(x.max()), np.floor(y.min()), np.ceil(y.max()))
    )

    def at(a: float, b: float) -> tuple[float, float]:
        right = _LEFT + (a - low_x) / (high_x - low_x) * (_WIDTH - _LEFT - _RIGHT)
        down = _HEIGHT - _BOTTOM - (b - low_y) / (high_y - low_y) * (_HEIGHT - _TOP - _BOTTOM)
        return round(right, 1), round(down, 1)

    parts = []
    for power in range(int(low_x), int(high_x) + 1):
        (right, bottom), (_, top) = at(power, low_y), at(power, high_y)
        parts.append(f'<path class="axis" d="M{right} {bottom}V{top}"/>')
        parts.append(f'<text x="{right}" y="{bottom + 18}" text-anchor="middle">{_number(power)}</text>')
    for power in range(int(low_y), int(high_y) + 1):
        (left, down), (right, _) = at(low_x, power), at(high_x, power)
        parts.append(f'<path class="axis" d="M{left} {down}H{right}"/>')
        parts.append(f'<text x="{left - 8}" y="{down + 4}" text-anchor="end">{_number(power)}</text>')
    reach = min(x[-1] - x[0], y[-1] - low_y)
    (a, b), (c, d) = at(x[-1] - reach, y[-1] - reach), at(x[-1], y[-1])
    parts.append(f'<path class="even" d="M{a} {b}L{c} {d}"/>')
    places = [at(*place) for place in zip(x, y, strict=True)]
    parts.append('<path class="line" d="M' + "L".join(f"{a} {b}" for a, b in places) + '"/>')
    for (a, b), (_, _, label) in zip(places, points, strict=True):
        parts.append(f'<circle class="dot" cx="{a}" cy="{b}" r="4"/>')
        parts.append(f'<text x="{a - 8}" y="{b - 8}" text-anchor="end">{escape(label)}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>')
    parts.append(f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>')
    said = "; ".join(f"{point[0]:,.0f} {across}: {point[2]}" for point in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="t d">'
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(said)}</desc><style>{_STYLE}</style>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _number(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
