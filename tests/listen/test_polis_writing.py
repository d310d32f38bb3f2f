"""An export that is read again says the same, down to texts that a spreadsheet would run."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.guard import guarded, unguarded
from folkmoot.listen.polis_writing import write_export
from folkmoot.listen.reading import read_with_names
from folkmoot.listen.tables import printable
from folkmoot.records import Statement

TEXT = st.text(max_size=40).map(printable)


@st.composite
def consultations(draw: st.DrawFn) -> tuple[Consultation, list[str]]:
    people, count = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    votes = draw(
        st.dictionaries(
            st.tuples(st.integers(0, people - 1), st.integers(0, count - 1)),
            st.tuples(st.sampled_from([-1, 0, 1]), st.integers(0, 2_000_000_000_000)),
            min_size=1,
        )
    )
    who = {p: i for i, p in enumerate(sorted({p for p, _ in votes}))}
    cells = sorted((who[p], s) for p, s in votes)
    back = {(who[p], s): vote for (p, s), vote in votes.items()}
    time_V = np.array([back[cell][1] for cell in cells], dtype=np.float64)
    statements = tuple(
        Statement(str(3 * s), draw(TEXT), draw(st.sampled_from([-1, 0, 1])), draw(st.booleans())) for s in range(count)
    )
    consultation = Consultation(
        name=" ".join(draw(TEXT).split()) or "town",
        statements=statements,
        participant_V=np.array([p for p, _ in cells], dtype=np.int32),
        statement_V=np.array([s for _, s in cells], dtype=np.int32),
        vote_V=np.array([back[cell][0] for cell in cells], dtype=np.int8),
        participants=len(who),
        attribution=draw(st.sampled_from(["", "All made up, =1+1"])),
        language=draw(st.sampled_from(["und", "pt-BR"])),
        simulated=draw(st.booleans()),
        time_V=time_V if time_V.any() else None,
    )
    return consultation, [str(7 * p) for p in range(len(who))]


def by_name(consultation: Consultation, names: tuple[str, ...] | list[str]) -> dict[tuple[str, str], tuple[int, float]]:
    times = np.zeros(len(consultation.vote_V)) if consultation.time_V is None else consultation.time_V
    rows = zip(consultation.participant_V, consultation.statement_V, consultation.vote_V, times, strict=True)
    return {(names[p], consultation.statements[s].id): (int(v), round(float(t), 3)) for p, s, v, t in rows}


@settings(max_examples=60, deadline=None)
@given(consultations(), st.sampled_from(["out", "out.zip"]))
def test_an_export_read_again_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, asked: tuple[Consultation, list[str]], out: str
) -> None:
    consultation, names = asked
    path = tmp_path_factory.mktemp("export") / out
    write_export(consultation, names, path)
    read, read_names = read_with_names(path)
    assert by_name(read, read_names) == by_name(consultation, names)
    assert read.statements == consultation.statements
    about = ("name", "participants", "attribution", "simulated", "language")
    assert [getattr(read, name) for name in about] == [getattr(consultation, name) for name in about]


@given(st.text())
def test_a_guarded_text_is_read_back_and_runs_nothing(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in set("=+-@\t\r\n＝＋－＠") - {""}


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2", "'=already", "''+twice", "'quoted' and plain"])
def test_a_file_that_was_not_guarded_keeps_its_apostrophes(tmp_path: Path, text: str) -> None:
    (tmp_path / "comments.csv").write_text(f'comment-id,comment-body\n0,"{text}"\n')
    (tmp_path / "votes.csv").write_text("comment-id,voter-id,vote\n0,0,1\n")
    consultation, names = read_with_names(tmp_path)
    assert consultation.statements[0].text == text
    write_export(consultation, names, tmp_path / "out")
    with (tmp_path / "out" / "comments.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["comment-body"][0] not in "=+-@"
    assert read_with_names(tmp_path / "out")[0].statements[0].text == text


def town() -> tuple[Consultation, list[str]]:
    one = np.zeros(1, dtype=np.int32)
    said = (Statement("s-a", "One"), Statement("s-b", "Two"))
    return Consultation("t", said, one, one, np.ones(1, dtype=np.int8), 1), ["a token"]


def test_ids_that_are_no_numbers_get_numbers(tmp_path: Path) -> None:
    write_export(*town(), tmp_path / "out")
    read, names = read_with_names(tmp_path / "out")
    assert [s.id for s in read.statements] == ["0", "1"]
    assert names == ("0",)
    assert "token" not in "".join(path.read_text() for path in (tmp_path / "out").iterdir())


@pytest.mark.parametrize("out", ["out", "out.zip"])
def test_nothing_that_is_there_is_written_over(tmp_path: Path, out: str) -> None:
    write_export(*town(), tmp_path / out)
    with pytest.raises(FolkmootError, match="already"):
        write_export(*town(), tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == [out]


def test_a_zip_holds_the_files_of_an_export(tmp_path: Path) -> None:
    files = write_export(*town(), tmp_path / "out.zip")
    assert zipfile.ZipFile(tmp_path / "out.zip").namelist() == files
