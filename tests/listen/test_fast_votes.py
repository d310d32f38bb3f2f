"""The fast reader of vote logs says what the careful one says, or nothing."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.listen.exports import open_export
from folkmoot.listen.fast_votes import read_plain_log
from folkmoot.listen.polis import read_log

POSITIONS = {"0": 0, "7": 1, "12": 2}
HEADER = "timestamp,datetime,comment-id,voter-id,vote"
PLAIN = st.tuples(
    st.integers(0, 2_000_000_000_000).map(str),
    st.sampled_from(["", "Wed Jun 18"]),
    st.sampled_from(sorted(POSITIONS)),
    st.integers(0, 9).map(str),
    st.sampled_from(["-1", "0", "1"]),
).map(",".join)
ODD = st.sampled_from(
    [
        "",
        ",",
        "1,x,7,1",
        "1,x,7,1,1,1",
        "1,x,8,1,1",
        "1,x,7,01,1",
        "1,x, 7 ,1,+1",
        "1,x,7,a,1.0",
        "1.5e12,x,7,1,1",
        "-1,x,7,1,1",
        "2026-01-01,x,7,1,1",
        '1,"x, y",7,1,1',
        '1,"x',
        "1,x,7,1,2",
        ",x,7,1,1",
        "1,x,7,,1",
        "1,\0,7,1,1",
        "1,é,7,1,1",
        "1,x\r,7,1,1",
    ]
)


def both(folder: Path, text: bytes) -> tuple[object, object]:
    (folder / "votes.csv").write_bytes(text)
    export = open_export(folder, telltales=())
    return read_plain_log(export, "votes.csv", POSITIONS), export


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(PLAIN, PLAIN, PLAIN, ODD), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
)
def test_whatever_is_read_fast_is_what_is_read_carefully(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: str, ends: bool, encoding: str
) -> None:
    text = end.join([HEADER, *rows]) + end * ends
    fast, export = both(tmp_path_factory.mktemp("log"), text.encode(encoding))
    if fast is not None:
        assert fast == read_log(export, POSITIONS)  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_what_is_plain_is_read_fast(tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: str) -> None:
    fast, export = both(tmp_path_factory.mktemp("log"), end.join([HEADER, *rows]).encode())
    assert fast is not None
    assert fast == read_log(export, POSITIONS)  # type: ignore[arg-type]
