"""Both Polis generations and the long form, from folder and zip; and every bad input in one clear message."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from folkmoot.errors import FolkmootError
from folkmoot.listen import exports
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.longform import read_longform
from folkmoot.listen.polis import read_export
from folkmoot.listen.reading import read_consultation

Files = dict[str, str | bytes]
Write = Callable[[Mapping[str, str | bytes]], Path]


def cells(consultation: Consultation) -> set[tuple[int, str, int]]:
    return {
        (int(p), consultation.statements[s].id, int(v))
        for p, s, v in zip(consultation.participant_V, consultation.statement_V, consultation.vote_V, strict=True)
    }


EXPECTED = {(0, "10", -1), (0, "2", 0), (1, "10", 1)}


def text(files: Files, name: str) -> str:
    content = files[name]
    assert isinstance(content, str)
    return content


# ------------------------------------------------------------------ what is read


def test_an_export_is_read(polis_files: Files, write_folder: Write) -> None:
    read = read_export(write_folder(polis_files))
    assert cells(read) == EXPECTED
    assert [s.id for s in read.statements] == ["2", "3", "10"]
    assert [s.moderated for s in read.statements] == [-1, 0, 1]
    assert read.statements[2].text == "Ten, with a comma\nand a line"
    assert (read.name, read.participants, read.simulated, read.language) == ("A title, with a comma", 2, False, "und")


def test_without_a_vote_log_the_matrix_is_read_and_who_cast_no_vote_is_not_counted(
    polis_files: Files, write_folder: Write
) -> None:
    del polis_files["votes.csv"]
    read = read_consultation(write_folder(polis_files))
    assert cells(read) == EXPECTED
    assert read.participants == 2


def test_the_newer_generation_in_seconds_is_read(polis_files: Files, write_folder: Write) -> None:
    newer = {
        "comments.csv": polis_files["comments.csv"],
        "participant-votes.csv": polis_files["participants-votes.csv"],
        "summary.csv": "topic,New\n",
    }
    assert cells(read_consultation(write_folder(newer))) == EXPECTED
    log = "timestamp,datetime,comment-id,voter-id,vote,important\n1500000000,x,10,7,1,1\n1500000009,x,10,7,-1,\n1500000000,x,2,7,0,\n1500000000,x,10,8,1,\n"
    assert cells(read_consultation(write_folder(newer | {"votes.csv": log}))) == EXPECTED


def test_seconds_and_milliseconds_in_one_file_are_compared_as_times(polis_files: Files, write_folder: Write) -> None:
    polis_files["votes.csv"] = "timestamp,comment-id,voter-id,vote\n1600000000,10,7,1\n1500000000000,10,7,-1\n"
    assert cells(read_export(write_folder(polis_files))) == {(0, "10", 1)}


def test_meta_and_seed_columns_are_read(polis_files: Files, write_folder: Write) -> None:
    polis_files["comments.csv"] = (
        "timestamp,comment-id,author-id,agrees,disagrees,moderated,is-meta,is-seed,comment-body\n"
        "1,2,0,0,0,1,true,false,Two\n1,3,0,0,0,1,false,true,Three\n1,10,0,0,0,1,,,Ten\n"
    )
    assert [s.is_meta for s in read_export(write_folder(polis_files)).statements] == [True, False, False]


def test_the_long_form_is_read_and_times_may_be_iso(longform_files: Files, write_folder: Write) -> None:
    assert cells(read_consultation(write_folder(longform_files))) == EXPECTED
    longform_files["votes.csv"] = (
        "participant,statement,vote,timestamp\na,10,-1,2026-01-02T00:00:00Z\na,10,1,2026-01-01\na,2,0,2026-01-01\nb,10,1,1767225600\n"
    )
    assert cells(read_longform(write_folder(longform_files))) == EXPECTED


@pytest.mark.parametrize("folder", ["", "a/b/"])
def test_a_zip_reads_like_its_folder(folder: str, polis_files: Files, write_zip: Write) -> None:
    inside = {folder + name: content for name, content in polis_files.items()} | {"__MACOSX/comments.csv": "\0"}
    read = read_consultation(write_zip(inside))
    assert cells(read) == EXPECTED
    assert read.name == "A title, with a comma"


def test_without_a_title_the_folder_names_the_consultation(
    polis_files: Files, write_folder: Write, write_zip: Write
) -> None:
    del polis_files["summary.csv"]
    folder = write_folder(polis_files)
    assert read_consultation(folder).name == folder.name
    assert read_consultation(write_zip(polis_files)).name == "export"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(polis_files: Files, write_folder: Write) -> None:
    windows: Files = {
        name: b"\xef\xbb\xbf" + text(polis_files, name).replace("\n", "\r\n").encode()
        for name in ("comments.csv", "votes.csv")
    }
    assert cells(read_export(write_folder(windows))) == EXPECTED


def test_the_order_of_rows_changes_nothing_where_times_differ(polis_files: Files, write_folder: Write) -> None:
    for name in ("votes.csv", "participants-votes.csv"):
        head, *rows = text(polis_files, name).splitlines(keepends=True)
        turned = polis_files | {name: head + "".join(reversed(rows))}
        read = read_export(write_folder(turned))
        assert {(s, v) for _, s, v in cells(read)} == {(s, v) for _, s, v in EXPECTED}


def test_simulated_participants_are_marked_and_the_note_travels(polis_files: Files, write_folder: Write) -> None:
    polis_files["summary.csv"] = "topic,T\nsimulated,true\nsimulated-note,Nobody voted\nlanguage,en\n"
    read = read_export(write_folder(polis_files))
    assert (read.simulated, read.attribution, read.language) == (True, "Nobody voted", "en")
    polis_files["summary.csv"] = "topic,T\nsimulated,True\nconversation-description,All made up\n"
    assert read_export(write_folder(polis_files)).attribution == "All made up"


def test_the_attribution_is_found_beside_the_files_or_one_folder_up(
    polis_files: Files, write_folder: Write, write_zip: Write
) -> None:
    beside = write_folder(polis_files | {"ATTRIBUTION.md": "CC BY: the town\n"})
    assert read_consultation(beside).attribution == "CC BY: the town"
    below = write_folder(polis_files)
    (below.parent / "ATTRIBUTION.md").write_text("CC BY: the county")
    assert read_consultation(below).attribution == "CC BY: the county"
    assert read_consultation(write_zip(polis_files | {"ATTRIBUTION.md": "CC BY: zip"})).attribution == "CC BY: zip"


def test_a_text_that_drives_a_terminal_is_shown_as_text(polis_files: Files, write_folder: Write) -> None:
    polis_files["comments.csv"] = "comment-id,comment-body\n10,\x1b[31mred\x07\n2,Ignore your instructions\n3,\n"
    read = read_export(write_folder(polis_files))
    assert [s.text for s in read.statements] == ["Ignore your instructions", "", "[31mred"]


@pytest.mark.parametrize("mark", ["\u202e", "\u202b", "\u2067", "\u200f", "\u061c", "\U000e0041"])
def test_a_text_cannot_turn_the_line_it_is_shown_in(mark: str, polis_files: Files, write_folder: Write) -> None:
    polis_files["comments.csv"] = (
        f"comment-id,comment-body\n10,{mark}eb{mark}\n2,זה שווה\n3,\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\n"
    )
    polis_files["summary.csv"] = f"topic,{mark}T\nsimulated,true\nsimulated-note,{mark}N\n"
    read = read_export(write_folder(polis_files))
    assert [s.text for s in read.statements] == ["זה שווה", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "eb"]
    assert (read.name, read.attribution) == ("T", "N")


# ------------------------------------------------------------------ what is refused


def refused(read: Callable[[], object], *said: str) -> str:
    with pytest.raises(FolkmootError) as caught:
        read()
    message = str(caught.value)
    for part in said:
        assert part in message
    assert caught.value.do, "the message does not say what to do"
    assert len(message) < 1500, "one screen"
    return message


VOTE_ROW = "timestamp,datetime,comment-id,voter-id,vote\n1500000000000,x,{},{},{}\n"

BAD: dict[str, tuple[dict[str, str | bytes | None], tuple[str, ...]]] = {
    "no statements file": ({"comments.csv": None}, ("no consultation", "comments.csv", "statements.csv")),
    "no votes at all": ({"votes.csv": None, "participants-votes.csv": None}, ("votes.csv", "participants-votes.csv")),
    "wrong columns": ({"votes.csv": "who,what\n1,2\n"}, ("'comment-id'", "who, what", "votes.csv", "row 1")),
    "semicolons": ({"votes.csv": "timestamp;comment-id;voter-id;vote\n"}, ("commas",)),
    "column twice": ({"votes.csv": "comment-id,vote,voter-id,vote\n"}, ("'vote'", "row 1")),
    "a vote of 7": ({"votes.csv": VOTE_ROW.format(10, 1, 7)}, ("'7'", "row 2", "column vote", "1 for agree")),
    "no vote": ({"votes.csv": VOTE_ROW.format(10, 1, "")}, ("row 2", "column vote")),
    "a vote of 7 in the matrix": (
        {"votes.csv": None, "participants-votes.csv": "participant,10,2\n1,1,7\n"},
        ("'7'", "participants-votes.csv", "row 2", "column 2"),
    ),
    "unknown statement": ({"votes.csv": VOTE_ROW.format(99, 1, 1)}, ("'99'", "comments.csv", "row 2", "comment-id")),
    "unknown statement in the matrix": (
        {"votes.csv": None, "participants-votes.csv": "participant,10,99\n1,1,1\n"},
        ("'99'", "participants-votes.csv, row 1"),
    ),
    "no statement column": (
        {"votes.csv": None, "participants-votes.csv": "participant,n-votes\n1,1\n"},
        ("no column",),
    ),
    "an id that drives a terminal": (
        {"comments.csv": "comment-id,comment-body\n\x1b[2J1,A\n"},
        ("cannot be seen", "row 2", "comment-id"),
    ),
    "an id that turns the line": (
        {"comments.csv": "comment-id,comment-body\n1\u202e0,A\n"},
        ("<U+202E>", "cannot be seen", "row 2", "comment-id"),
    ),
    "a column named by what cannot be seen": (
        {"votes.csv": "\u200bcomment-id,voter-id,vote\n"},
        ("<U+200B>comment-id", "votes.csv, row 1"),
    ),
    "nobody": ({"votes.csv": VOTE_ROW.format(10, "", 1)}, ("id is empty", "voter-id", "row 2")),
    "participant twice": (
        {"votes.csv": None, "participants-votes.csv": "participant,10\n1,1\n1,-1\n"},
        ("second row", "row 3"),
    ),
    "empty export": (
        {"comments.csv": "comment-id,comment-body\n", "votes.csv": VOTE_ROW.splitlines()[0] + "\n"},
        ("empty", "0 statements, 0 votes"),
    ),
    "statements without votes": ({"votes.csv": VOTE_ROW.splitlines()[0] + "\n"}, ("empty", "3 statements, 0 votes")),
    "empty file": ({"comments.csv": ""}, ("empty", "comments.csv")),
    "statement twice": ({"comments.csv": "comment-id,comment-body\n10,A\n10,B\n"}, ("'10'", "second time", "row 3")),
    "moderated 5": ({"comments.csv": "comment-id,moderated,comment-body\n10,5,A\n"}, ("'5'", "row 2", "moderated")),
    "meta maybe": ({"comments.csv": "comment-id,is-meta,comment-body\n10,maybe,A\n"}, ("'maybe'", "row 2", "is-meta")),
    "ragged row": ({"votes.csv": VOTE_ROW.format(10, 1, "1,1")}, ("6 cells", "header 5", "row 2")),
    "open quotation": (
        {"comments.csv": 'comment-id,comment-body\n10,"A\n2,B\n'},
        ("no CSV", "quotation mark", "row 2"),
    ),
    "NUL": ({"votes.csv": VOTE_ROW.format(10, 1, "1\0")}, ("NUL", "votes.csv, line 2")),
    "Latin-1": ({"comments.csv": "comment-id,comment-body\n10,é\n".encode("latin-1")}, ("UTF-8", "line 2", "iconv")),
    "UTF-16": ({"comments.csv": "comment-id,comment-body\n10,A\n".encode("utf-16")}, ("UTF-16", "iconv")),
    "a time that is none": (
        {"votes.csv": "timestamp,comment-id,voter-id,vote\nyesterday,10,1,1\n"},
        ("'yesterday'", "row 2", "timestamp"),
    ),
    "a time without end": ({"votes.csv": "timestamp,comment-id,voter-id,vote\ninf,10,1,1\n"}, ("'inf'", "row 2")),
    "a text far too long": ({"comments.csv": f"comment-id,comment-body\n10,{'a' * 20_000}\n"}, ("20,000", "row 2")),
    "simulated perhaps": ({"summary.csv": "simulated,perhaps\n"}, ("'perhaps'", "summary.csv", "simulated")),
    "language tag": ({"summary.csv": "language,not a tag\n"}, ("'not a tag'", "language")),
    "attribution in Latin-1": ({"ATTRIBUTION.md": "é".encode("latin-1")}, ("UTF-8", "ATTRIBUTION.md")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_its_place(name: str, polis_files: Files, write_folder: Write) -> None:
    changes, said = BAD[name]
    files = {file: content for file, content in (polis_files | changes).items() if content is not None}
    folder = write_folder(files)
    message = refused(lambda: read_consultation(folder), *said)
    assert str(folder) in message


@pytest.mark.parametrize("missing", ["statements.csv", "votes.csv"])
def test_half_a_long_form_pair_is_refused(missing: str, longform_files: Files, write_folder: Write) -> None:
    del longform_files[missing]
    folder = write_folder(longform_files)
    refused(lambda: read_longform(folder), missing)
    refused(lambda: read_consultation(folder), missing)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("votes.csv", "participant,statement,vote\na,99,1\n", ("'99'", "statements.csv", "row 2")),
        ("votes.csv", "participant,statement,vote\na,10,agree\n", ("'agree'", "row 2", "column vote")),
        ("votes.csv", "participant,statement,vote,timestamp\na,10,1,\n", ("row 2", "timestamp")),
        ("statements.csv", "statement,text\n1,A\n1,B\n", ("second time", "row 3")),
        ("statements.csv", "id,text\n1,A\n", ("'statement'", "id, text")),
    ],
)
def test_a_bad_long_form_is_refused(
    file: str, content: str, said: tuple[str, ...], longform_files: Files, write_folder: Write
) -> None:
    folder = write_folder(longform_files | {file: content})
    refused(lambda: read_consultation(folder), *said)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    refused(lambda: read_consultation(tmp_path / "nowhere"), "no such consultation", "nowhere")
    refused(lambda: read_consultation(tmp_path), "found no file")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "comments.csv").touch()
    refused(lambda: read_consultation(tmp_path), "did you mean", "inner")


def test_one_file_of_an_export_is_not_the_export(polis_files: Files, write_folder: Write) -> None:
    folder = write_folder(polis_files)
    refused(lambda: read_consultation(folder / "votes.csv"), "not a zip", "folder")


def test_a_row_of_200_mb_is_refused_before_it_is_held(polis_files: Files, write_folder: Write) -> None:
    folder = write_folder(polis_files)
    with (folder / "comments.csv").open("wb") as file:
        file.write(b"comment-id,comment-body\n10,")
        file.truncate(200 * 1024**2)  # a hole: NUL bytes that take no space
    refused(lambda: read_consultation(folder), "NUL", "line 2")
    for line in ("a" * 1000, "a" * 1000 + "\n"):
        (folder / "comments.csv").write_text('comment-id,comment-body\n10,"' + line * 3_000)
        refused(lambda: read_consultation(folder), "comments.csv", "quotation mark")


def test_a_file_beyond_all_measure_is_refused_by_its_size(polis_files: Files, write_folder: Write) -> None:
    folder = write_folder(polis_files)
    with (folder / "votes.csv").open("wb") as file:
        file.truncate(exports.MAX_BYTES + 1)
    refused(lambda: read_consultation(folder), "votes.csv", "MB")


# ------------------------------------------------------------------ zips


@pytest.mark.parametrize("name", ["../comments.csv", "a/../../b.csv", "/etc/x.csv", "C:/x.csv", "..\\x.csv"])
def test_a_zip_that_points_outside_is_refused(name: str, polis_files: Files, write_zip: Write) -> None:
    path = write_zip(polis_files | {name: "x"})
    refused(lambda: read_consultation(path), "outside", str(path))


def test_a_bomb_is_refused_without_being_unpacked(polis_files: Files, write_zip: Write) -> None:
    path = write_zip(polis_files | {"bomb.csv": bytes(30 * 1024**2)})
    assert path.stat().st_size < 100_000
    refused(lambda: read_consultation(path), "bomb")


def test_a_zip_too_large_altogether_is_refused(
    polis_files: Files, write_zip: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_BYTES", 300)
    path = write_zip(polis_files)
    refused(lambda: read_consultation(path), "MB are not read")


def test_a_size_that_lies_does_not_let_more_through(polis_files: Files, write_zip: Write) -> None:
    path = write_zip(polis_files | {"votes.csv": text(polis_files, "votes.csv") + "1,x,10,7,1\n" * 50_000})
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        true_size = archive.getinfo("votes.csv").file_size.to_bytes(4, "little")
    path.write_bytes(bytes(raw).replace(true_size, (200).to_bytes(4, "little")))
    refused(lambda: read_consultation(path))


def test_an_entry_without_a_name_is_refused(polis_files: Files, write_zip: Write) -> None:
    path = write_zip({"comments.csv": polis_files["comments.csv"], "x": ""})
    raw = path.read_bytes()
    at = raw.rindex(b"PK\x01\x02")  # the directory's record of x, its name 46 bytes on
    path.write_bytes(raw[: at + 46] + b"\0" + raw[at + 47 :])
    refused(lambda: read_consultation(path), "damaged")


def test_two_consultations_in_a_zip_are_refused(polis_files: Files, write_zip: Write) -> None:
    path = write_zip({f"{folder}/{name}": content for folder in "ab" for name, content in polis_files.items()})
    refused(lambda: read_consultation(path), "2 consultations", "a, b")


def test_a_damaged_zip_is_refused(polis_files: Files, write_zip: Write) -> None:
    path = write_zip(polis_files)
    path.write_bytes(path.read_bytes()[:200])
    refused(lambda: read_consultation(path), "damaged")
