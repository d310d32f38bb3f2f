"""Every reference consultation, kept in a store, written as an export and read again, says the same."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from folkmoot.listen.consultation import Consultation
from folkmoot.listen.polis_writing import write_export
from folkmoot.listen.reading import read_with_names
from folkmoot.listen.store import open_store

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[3] / "shared" / "data"
if not DATA.is_dir():
    pytest.skip("../shared/data is absent: nothing is checked on real exports", allow_module_level=True)
GIVEN = sorted(
    path
    for path in [*(DATA / "polis").iterdir(), *(DATA / "golden").iterdir(), *(DATA / "ccai").iterdir()]
    if path.is_dir()
)


def cells(consultation: Consultation, names: tuple[str, ...]) -> dict[tuple[str, str], tuple[int, float]]:
    times = np.zeros(len(consultation.vote_V)) if consultation.time_V is None else consultation.time_V
    rows = zip(consultation.participant_V, consultation.statement_V, consultation.vote_V, times.tolist(), strict=True)
    return {(names[p], consultation.statements[s].id): (int(v), t) for p, s, v, t in rows}


def test_there_are_eighteen_consultations() -> None:
    assert len(GIVEN) == 18


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("path", GIVEN, ids=[path.name for path in GIVEN])
def test_import_export_import_keeps_every_vote(path: Path, zipped: bool, tmp_path: Path) -> None:
    if zipped:
        shutil.make_archive(str(tmp_path / path.name), "zip", path)
        path = tmp_path / f"{path.name}.zip"
    given, names = read_with_names(path)
    with open_store(f"sqlite:///{tmp_path / 'town.db'}", make=True) as store:
        store.add(given, names, name="town")
        kept, kept_names = store.read_named("town")
    assert cells(kept, kept_names) == cells(given, names)
    assert kept.statements == given.statements
    out = tmp_path / ("out.zip" if zipped else "out")
    write_export(kept, kept_names, out)
    again, again_names = read_with_names(out)
    assert cells(again, again_names) == cells(given, names)
    assert again.statements == given.statements
    about = ("name", "participants", "attribution", "simulated", "language")
    assert [getattr(again, name) for name in about] == [getattr(kept, name) for name in about]
