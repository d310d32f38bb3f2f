"""Whatever happened to an export on its way: it is read, or one clear message names the place. Never anything else.

Valid exports of every form are damaged by bytes, rows, columns, cells, encodings and truncation. The `slow` tier does so
ten thousand times and more for each form, and asks of all that is still read what its public thinks.
"""

import csv
import io
import itertools
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion import analyse
from folkmoot.listen.polismath import analyse_as_polis
from folkmoot.listen.reading import read_consultation

Files = dict[str, bytes]
Damage = Callable[[bytes], bytes]
TEXTS = ('Ten, with a comma\nand a "quotation"', "Zwei: größer", "三", "أربعة")
VOTES = [(p, s, (p * s + p) % 3 - 1, 1_500_000_000 + 10 * p + s) for p in range(9) for s in range(4) if (p + s) % 5]


def table(*rows: tuple[object, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def matrix() -> bytes:
    said = {(p, s): v for p, s, v, _ in VOTES}
    rows = [(p, 0, 0, 4, 2, 1, *(said.get((p, s), "") for s in range(4))) for p in range(9)]
    return table(("participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree", 0, 1, 2, 3), *rows)


def comments(**more: str) -> bytes:
    header = ("timestamp", "datetime", "comment-id", "author-id", "agrees", "disagrees", "moderated", *more)
    rows = ((1, "x", s, 0, 0, 0, s % 2, *more.values(), text) for s, text in enumerate(TEXTS))
    return table((*header, "comment-body"), *rows)


def log(unit: int, **more: str) -> bytes:
    header = ("timestamp", "datetime", "comment-id", "voter-id", "vote", *more)
    return table(header, *((t * unit, "x", s, p, v, *more.values()) for p, s, v, t in VOTES))


SUMMARY = b"topic,A title\nsimulated,true\nsimulated-note,Nobody voted\nlanguage,en\n"
FORMS: dict[str, Files] = {
    "older": {"comments.csv": comments(), "votes.csv": log(1000), "summary.csv": SUMMARY},
    "matrix": {"comments.csv": comments(), "participants-votes.csv": matrix()},
    "newer": {
        "comments.csv": comments(**{"is-meta": "false", "is-seed": "true"}),
        "votes.csv": log(1, important="0"),
        "participant-votes.csv": matrix(),
        "ATTRIBUTION.md": b"CC BY: the town\n",
    },
    "long": {
        "statements.csv": table(("statement", "text"), *enumerate(TEXTS)),
        "votes.csv": table(("participant", "statement", "vote", "timestamp"), *VOTES),
        "summary.csv": SUMMARY,
    },
    "json": {
        "comments.json": json.dumps([{"tid": s, "txt": text, "mod": 1} for s, text in enumerate(TEXTS)]).encode(),
        "votes.json": json.dumps([{"pid": p, "tid": s, "vote": v, "modified": t} for p, s, v, t in VOTES]).encode(),
    },
}

# ------------------------------------------------------------------ damage


def spliced(place: float, put: bytes, dropped: int, raw: bytes) -> bytes:
    at = int(place * (len(raw) + 1))
    return raw[:at] + put + raw[at + dropped :]


def cut(place: float, raw: bytes) -> bytes:
    return raw[: int(place * len(raw))]


def lines_changed(place: float, how: str, raw: bytes) -> bytes:
    lines = raw.splitlines(keepends=True)
    if not lines:
        return raw
    at = int(place * len(lines))
    changed = {"twice": [lines[at]] * 2, "gone": [], "blank": [b"\n", lines[at]], "glued": [lines[at].rstrip()]}
    return b"".join([*lines[:at], *changed[how], *lines[at + 1 :]])


def backwards(raw: bytes) -> bytes:
    first, *others = raw.splitlines(keepends=True) or [b""]
    return b"".join([first, *reversed(others)])


def columns_changed(place: float, how: str, raw: bytes) -> bytes:
    """Change one column of every row, where this is a table."""
    try:
        rows = list(csv.reader(io.StringIO(raw.decode())))
    except (UnicodeDecodeError, csv.Error):
        return raw
    at = int(place * max(map(len, rows), default=1))
    change: dict[str, Callable[[list[str]], list[str]]] = {
        "gone": lambda row: row[:at] + row[at + 1 :],
        "twice": lambda row: row[: at + 1] + row[at:],
        "last": lambda row: row[:at] + row[at + 1 :] + row[at : at + 1],
        "empty": lambda row: [*row[:at], "", *row[at + 1 :]] if row is not rows[0] else row,
    }
    return table(*(tuple(change[how](row)) for row in rows))


def cell_changed(row: float, column: float, put: str, raw: bytes) -> bytes:
    try:
        rows = list(csv.reader(io.StringIO(raw.decode())))
    except (UnicodeDecodeError, csv.Error):
        return raw
    filled = [r for r in rows if r]
    if filled:
        chosen = filled[int(row * len(filled))]
        chosen[int(column * len(chosen))] = put
    return table(*map(tuple, rows)) if all(put.isprintable() for put in itertools.chain.from_iterable(rows)) else raw


def recoded(encoding: str, raw: bytes) -> bytes:
    return raw.decode(errors="replace").encode(encoding, errors="replace")


PLACE = st.floats(0, 1, exclude_max=True)
NASTY = (
    "",
    " ",
    "-0",
    "+1",
    "1e0",
    "2",
    "nan",
    "inf",
    "-1e400",
    "9" * 30,
    "1" * 5_000,
    "٣",
    "=1+1",
    "true",
    "10",
    "0x1",
)
NASTY_TEXT = (
    "\u202e",
    "\u200b",
    "\x1b[2J",
    "\0",
    "\ufeff",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
)
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "cp037")
damages: st.SearchStrategy[list[Damage]] = st.lists(
    st.one_of(
        st.builds(partial, st.just(spliced), PLACE, st.binary(max_size=6), st.integers(0, 12)),
        st.builds(
            partial, st.just(spliced), PLACE, st.sampled_from(NASTY_TEXT).map(lambda t: t.encode()), st.integers(0, 2)
        ),
        st.builds(
            partial, st.just(spliced), PLACE, st.sampled_from([b'"', b",", b"\n", b"\r", b";", b"\t"]), st.just(0)
        ),
        st.builds(partial, st.just(cut), PLACE),
        st.builds(partial, st.just(lines_changed), PLACE, st.sampled_from(["twice", "gone", "blank", "glued"])),
        st.just(backwards),
        st.builds(partial, st.just(columns_changed), PLACE, st.sampled_from(["gone", "twice", "last", "empty"])),
        st.builds(partial, st.just(cell_changed), PLACE, PLACE, st.sampled_from(NASTY) | st.text(max_size=5)),
        st.builds(partial, st.just(recoded), st.sampled_from(ENCODINGS)),
    ),
    min_size=1,
    max_size=4,
)


def damaged(raw: bytes, chosen: list[Damage]) -> bytes:
    for damage in chosen:
        raw = damage(raw)
    return raw


# ------------------------------------------------------------------ what must hold


def is_clear(refusal: FolkmootError) -> None:
    assert refusal.what
    assert refusal.where
    assert refusal.do
    assert len(str(refusal)) < 1500, "one screen"
    assert str(refusal).replace("\n", "").isprintable(), "what is shown could drive a terminal"


def read_or_refused(path: Path) -> Consultation | None:
    """Return what was read; None where it was refused in one clear message."""
    try:
        read = read_consultation(path)
    except FolkmootError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        is_clear(refusal)
        return None
    assert read.statements
    assert len(read.vote_V)
    assert read.participants == len(set(read.participant_V.tolist()))
    assert all(s.id.isprintable() for s in read.statements)
    assert not any(UNSEEN.search(text) for text in (read.name, read.attribution, *(s.text for s in read.statements)))
    return read


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def has_an_opinion_or_says_why_not(read: Consultation) -> None:
    for think in (lambda: analyse(read, ListenConfig(resamples=20, shuffles=2)), lambda: analyse_as_polis(read)):
        try:
            think()
        except FolkmootError as error:
            is_clear(error)


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
long = settings(quick, max_examples=12_000, database=None)
each_form = pytest.mark.parametrize("form", FORMS)


@each_form
def test_undamaged_it_is_read(form: str, tmp_path: Path) -> None:
    read = read_or_refused(write(tmp_path, FORMS[form]))
    assert read is not None
    assert (len(read.statements), read.participants, len(read.vote_V)) == (4, 9, len(VOTES))


def damage_is_refused_or_read(form: str, folder: Path, data: st.DataObject, *, analysed: bool) -> None:
    files = dict(FORMS[form])
    name = data.draw(st.sampled_from(sorted(files)))
    files[name] = damaged(files[name], data.draw(damages))
    in_zip = data.draw(st.booleans())
    path = zipped(folder.parent / "export.zip", files) if in_zip else write(folder, files)
    read = read_or_refused(path)
    if read is not None and analysed:
        has_an_opinion_or_says_why_not(read)


@each_form
@quick
@given(data=st.data())
def test_a_damaged_export_is_read_or_refused(form: str, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "export"
    folder.mkdir(exist_ok=True)
    damage_is_refused_or_read(form, folder, data, analysed=False)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@each_form
@long
@given(data=st.data())
def test_a_damaged_export_is_read_or_refused_ten_thousand_times(form: str, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "export"
    folder.mkdir(exist_ok=True)
    damage_is_refused_or_read(form, folder, data, analysed=True)


def zip_is_read_or_refused(form: str, path: Path, chosen: list[Damage]) -> None:
    zipped(path, FORMS[form])
    path.write_bytes(damaged(path.read_bytes(), chosen))
    read_or_refused(path)


splices = st.lists(
    st.builds(partial, st.just(spliced), PLACE, st.binary(max_size=4), st.integers(0, 6))
    | st.builds(partial, st.just(cut), PLACE),
    min_size=1,
    max_size=6,
)


@each_form
@quick
@given(chosen=splices)
def test_a_damaged_zip_is_read_or_refused(form: str, tmp_path: Path, chosen: list[Damage]) -> None:
    zip_is_read_or_refused(form, tmp_path / "export.zip", chosen)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@each_form
@long
@given(chosen=splices)
def test_a_damaged_zip_is_read_or_refused_ten_thousand_times(form: str, tmp_path: Path, chosen: list[Damage]) -> None:
    zip_is_read_or_refused(form, tmp_path / "export.zip", chosen)


@each_form
@quick
@given(raw=st.binary(max_size=300), number=st.integers(0, 9))
def test_any_bytes_in_the_place_of_a_file_are_read_or_refused(
    form: str, tmp_path: Path, raw: bytes, number: int
) -> None:
    names = sorted(FORMS[form])
    read_or_refused(write(tmp_path, FORMS[form] | {names[number % len(names)]: raw}))
