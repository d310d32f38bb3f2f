"""``folkmoot listen sensitivity``: how what is agreed changes if something is decided otherwise."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.listen.changes import change_json, print_changes
from folkmoot.cli.showing import print_json, progress_display, stderr, stdout

if TYPE_CHECKING:
    from folkmoot.listen.sensitivity import Sensitivity


def sensitivity(
    path: Given,
    seed: Annotated[int, typer.Option(min=0, help="Seed of grouping and of lots.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which agreed statements hang on one decision: moderation, who counts, groups, what a pass means."""
    from folkmoot.listen.config import ListenConfig
    from folkmoot.listen.reading import read_consultation
    from folkmoot.listen.sensitivity import vary

    consultation = read_consultation(path)
    with progress_display() as progress:
        found = _json(vary(consultation, ListenConfig(seed=seed), seed=seed, progress=progress))
    if as_json:
        print_json(found)
        return
    _print(found)
    if consultation.attribution:
        stderr.print(consultation.attribution.splitlines()[0], markup=False)


def _json(found: "Sensitivity") -> dict[str, Any]:
    return {
        "participants_in": found.participants_in,
        "groups": list(found.group_sizes),
        "agreed": found.agreed,
        "variations": {
            v.name: {
                "means": v.means,
                **({"not_asked": v.why_not} if v.change is None else change_json(v.change)),
            }
            for v in found.variations
        },
        "jaccard_by_chance": None if found.by_chance is None else found.by_chance.as_json(),
        "simulated": found.simulated,
        "attribution": found.attribution,
    }


def _print(found: dict[str, Any]) -> None:
    if found["simulated"]:
        stdout.print("simulated participants: no real person voted")
    asked = [(v["means"], v) for v in found["variations"].values() if "not_asked" not in v]
    print_changes(f"{found['agreed']} statements are agreed by {found['participants_in']:,} people", asked)
    for varied in found["variations"].values():
        if "not_asked" in varied:
            stdout.print(f"not asked: {varied['means']} ({varied['not_asked']})")
    chance = found["jaccard_by_chance"]
    if chance is not None:
        low, high = chance["ci"]
        stdout.print(
            f"a twentieth left out by lot: {chance['value']:.2f} of agreed statements are the same "
            f"(Jaccard; {low:.2f} to {high:.2f} in {chance['n']} draws)"
        )
