"""Texts that a spreadsheet would run as a formula, written so that it does not, and read back exactly.

A cell that begins with one of ``= + - @`` (or their full-width forms, a tab or a line break) is run by spreadsheets when a CSV
file is opened (OWASP, "CSV Injection"). An apostrophe before it makes it text. So that nothing is lost, a text that already
begins with apostrophes and then such a character gets one more, and files so written say it in `summary.csv` (`GUARD_ROW`):
only there is an apostrophe taken off again.
"""

import re

GUARD_ROW = ("formula-guard", "apostrophe")
"""Key and value in `summary.csv` of an export whose texts are guarded."""

_RUNS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def guarded(text: str) -> str:
    """Return `text` as it may stand in a CSV cell."""
    return f"'{text}" if _RUNS.match(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _RUNS.match(text) else text
