"""What the documents say is still so."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from folkmoot.cli import app
from folkmoot.concepts import concepts

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()
CODE = re.compile(r"`([^`\n]+)`")


def commands() -> list[str]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [
            line.strip() for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
        ]
        found += CODE.findall(text)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_path_that_is_named_exists(page: Path) -> None:
    named = re.compile(r"^(?:src|tests|benchmarks|docs|examples)/[\w./-]*$")
    for path in CODE.findall(page.read_text(encoding="utf-8")):
        if named.match(path):
            assert (ROOT / path).exists(), path


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", MAKEFILE, re.MULTILINE))
    named = {match for line in commands() for match in re.findall(r"\bmake ([a-z0-9]+)", line)}
    assert {"demo", "test", "check"} <= named
    assert named <= targets


def test_every_verb_and_option_that_is_named_exists() -> None:
    verbs = 0
    for line in commands():
        if (found := re.match(r"(?:\S*/)?folkmoot ((?:[a-z]+ )*[a-z]+)(.*)", line)) is None:
            continue
        words = found[1].split()
        group = words[:2] if words[0] in {"listen", "runs", "models"} and len(words) > 1 else words[:1]
        done = CliRunner().invoke(app, [*group, "--help"], terminal_width=200, env={"COLUMNS": "200"})
        assert done.exit_code == 0, line
        for option in re.findall(r"--[a-z][a-z-]*", found[2]):
            assert option in done.stdout or option == "--help", f"{option}: {line}"
        verbs += 1
    assert verbs > 12


def test_the_readme_counts_the_concepts_right() -> None:
    stated = re.search(r"taxonomy of (\d+) concepts", (ROOT / "README.md").read_text())
    assert stated is not None
    assert int(stated[1]) == len(concepts())


def test_the_navigation_of_the_documentation_names_every_page() -> None:
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text())
    pages = [p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text())["site_name"] == "Folkmoot"


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    names = {re.split(r"[<>=\[ ]", r)[0].lower() for r in wanted} - {"folkmoot"}
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names <= pinned, names - pinned
