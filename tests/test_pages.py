"""Numbers in words, and templates in which every text is escaped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from folkmoot.pages import number, percent, points, render_page, whole_percent


@pytest.mark.parametrize(("share", "said"), [(0.1234, "+12.3"), (-0.05, "−5.0"), (0.0, "+0.0"), (1.0, "+100.0")])
def test_points_have_a_sign(share: float, said: str) -> None:
    assert points(share) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "0"), (3.14159, "3.14"), (999.4, "999"), (1000, "1,000"), (1234567.8, "1,234,568")]
)
def test_numbers_have_three_digits_or_are_whole(value: float, said: str) -> None:
    assert number(value) == said


@given(st.floats(-1, 1))
def test_a_printed_difference_is_the_rounded_one(share: float) -> None:
    assert float(points(share).replace("−", "-")) == pytest.approx(100 * share, abs=0.0501)


@pytest.mark.parametrize(
    ("share", "said", "whole"), [(0.1234, "12.3%", "12%"), (0.0, "0.0%", "0%"), (1.0, "100.0%", "100%")]
)
def test_shares_are_in_per_cent(share: float, said: str, whole: str) -> None:
    assert (percent(share), whole_percent(share)) == (said, whole)


def test_a_missing_value_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError, match="version"):
        render_page("folkmoot.evaluate", "report.html.j2", constitution={"title": "<b>"})
