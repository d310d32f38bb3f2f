"""Small exports to read, and people to listen to."""

import itertools
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from folkmoot.listen.consultation import Consultation
from folkmoot.records import Statement

_COMMENTS = (
    "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n"
    '1,x,10,0,0,0,1,"Ten, with a comma\nand a line"\n'
    "1,x,2,0,0,0,-1,Two\n"
    "1,x,3,0,0,0,0,Nobody votes on three\n"
)
_VOTES = (
    "timestamp,datetime,comment-id,voter-id,vote\n"
    "1500000000001,x,10,7,-1\n"
    "1500000000000,x,10,7,1\n"  # an earlier vote that stands later in the file
    "1500000000000,x,2,7,0\n"
    "1500000000000,x,10,8,1\n"
)
_MATRIX = "participant,group-id,n-comments,n-votes,n-agree,n-disagree,10,2,3\n7,0,0,2,0,1,-1,0,\n8,,0,1,1,0,1.0,,\n9,,0,0,0,0,,,\n"
_SUMMARY = 'topic,"A title, with a comma"\nurl,https://example.org\n'


@pytest.fixture
def polis_files() -> dict[str, str | bytes]:
    """A Polis export of the older generation: two people, three statements, a changed vote."""
    return {"comments.csv": _COMMENTS, "votes.csv": _VOTES, "participants-votes.csv": _MATRIX, "summary.csv": _SUMMARY}


@pytest.fixture
def longform_files() -> dict[str, str | bytes]:
    """The same people in long form."""
    return {
        "statements.csv": 'statement,text\n10,"Ten, with a comma\nand a line"\n2,Two\n3,Nobody votes on three\n',
        "votes.csv": "participant,statement,vote\na,10,1\na,10,-1\na,2,0\nb,10,1\n",
    }


@pytest.fixture(scope="session")
def write_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mapping[str, str | bytes]], Path]:
    """A function that writes files into a new folder and returns it."""
    numbers = itertools.count()

    def write(files: Mapping[str, str | bytes]) -> Path:
        folder = tmp_path_factory.mktemp("given") / f"export{next(numbers)}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.fixture
def write_zip(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """A function that writes files into a zip and returns it; names may hold folders."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        path = tmp_path / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture(scope="session")
def consultation_of() -> Callable[..., Consultation]:
    """A function that makes a consultation of a matrix in which None is unseen."""

    def make(votes_PS: Sequence[Sequence[int | None]], statements: Sequence[Statement] = ()) -> Consultation:
        cells = [(p, s, v) for p, row in enumerate(votes_PS) for s, v in enumerate(row) if v is not None]
        participant, statement, vote = (np.array(axis) for axis in zip(*cells, strict=True))
        return Consultation(
            name="test",
            statements=tuple(statements)
            or tuple(Statement(str(s), f"Statement {s}", 1) for s in range(len(votes_PS[0]))),
            participant_V=participant.astype(np.int32),
            statement_V=statement.astype(np.int32),
            vote_V=vote.astype(np.int8),
            participants=len(votes_PS),
        )

    return make


@pytest.fixture(scope="session")
def camps() -> Callable[..., list[list[int | None]]]:
    """A function that simulates camps.

    All agree with the first third of the statements; on the others each camp has a line of its own. A tenth of the votes
    is noise, a fifth of the statements is not seen.
    """

    def simulate(sizes: Sequence[int], *, seed: int = 0, statements: int = 24) -> list[list[int | None]]:
        rng = np.random.default_rng(seed)
        shared = statements // 3
        rows: list[list[int | None]] = []
        for size in sizes:
            line = [1] * shared + [int(v) for v in rng.choice([-1, 1], statements - shared)]
            for _ in range(size):
                said = [int(rng.choice([-1, 0, 1])) if rng.random() < 0.1 else v for v in line]
                rows.append([v if rng.random() < 0.8 else None for v in said])
        return rows

    return simulate
