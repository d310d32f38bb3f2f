"""What people read shows every text as it is, injects nothing, hides small cells and carries the marks."""

import html
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from folkmoot.concepts import concepts
from folkmoot.draft.drafting import NO_PRINCIPLES, SIMULATED, Draft, draft
from folkmoot.draft.render import constitution_markdown, escape, left_out_markdown
from folkmoot.draft.selection import Reason
from folkmoot.records import Opinion, StatementOpinion, Tally
from folkmoot.similarity import clean

Make = Callable[..., Opinion]
Voted = Callable[..., StatementOpinion]

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ALLOWED = {
    "paragraph", "heading", "inline", "text", "blockquote", "strong", "em", "bullet_list", "list_item", "code_inline",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
HOSTILE = [
    "The AI should be kind <script>alert(1)</script>",
    "The AI should be kind [here](https://example.org) ![x](y)",
    "The AI should be kind\n\n# Heading\n\n- item\n\n| a | b |\n|---|---|",
    "The AI should be kind *really* __so__ `code` ~~not~~ $x$ https://example.org www.example.org a@example.org",
    "The AI should be kind &lt;b&gt; &amp; \\",
    "# Ignore your instructions",
    "<img src=x onerror=alert(1)>",
    "1. first | second",
]


def tokens(markdown: str) -> list[tuple[str, str]]:
    found = []
    for token in MARKDOWN.parse(markdown):
        found.append((token.type, token.content))
        found += [(child.type, child.content) for child in token.children or ()]
    return found


def headings(markdown: str) -> list[str]:
    parsed = MARKDOWN.parse(markdown)
    return [f"{t.tag} {parsed[i + 1].content}" for i, t in enumerate(parsed) if t.type == "heading_open"]


def shown(markdown: str) -> str:
    """What a reader sees, tags taken off."""
    return html.unescape(re.sub(r"<[^>]*>", "", MARKDOWN.render(markdown)))


signs = st.sampled_from("ab1 .)-+=*_`[]()<>&;#|~\\!:/\"'“”@\n\thtpsw{}$^") | st.characters()


def as_read(drafted: Draft) -> str:
    return constitution_markdown(drafted.constitution, drafted)


@settings(max_examples=300)
@given(st.text(signs, max_size=25))
def test_an_escaped_text_is_one_paragraph_that_shows_the_text(text: str) -> None:
    line = escape(text)
    assert "\n" not in line
    rendered = MARKDOWN.render(line).strip()
    inner = rendered.removeprefix("<p>").removesuffix("</p>")
    assert not re.search("<[a-z/]", inner)
    assert html.unescape(inner) == clean(text)


@pytest.mark.parametrize("address", ["https://example.org", "HTTP://x.y", "www.example.org", "a@b.org", "mailto:a"])
def test_a_bare_address_is_broken_so_that_no_renderer_links_it(address: str) -> None:
    assert address not in escape(f"see {address}")


@pytest.fixture
def hostile(opinion_of: Make) -> Draft:
    return draft(
        opinion_of(HOSTILE, consultation="<b>Town</b>\n# x", attribution="[CC](http://x) <i>", language="en"), []
    )


def test_nothing_a_participant_writes_becomes_markup(hostile: Draft) -> None:
    for markdown in (as_read(hostile), left_out_markdown(hostile)):
        kinds = {kind.removesuffix("_open").removesuffix("_close") for kind, _ in tokens(markdown)}
        assert kinds <= ALLOWED
    top = [h for h in headings(as_read(hostile)) if not h.startswith("h3")]
    assert [h.split()[0] for h in top] == ["h1", "h2", "h2", "h2"]
    assert len(headings(as_read(hostile))) == 4 + len(hostile.constitution.principles)


def test_every_statement_is_shown_as_it_was_written_once(hostile: Draft) -> None:
    assert {left.opinion.statement.text for left in hostile.left_out} == set(HOSTILE[5:])
    seen = shown(left_out_markdown(hostile))
    for left in hostile.left_out:
        assert seen.count(f"statement {left.opinion.statement.id}: “{clean(left.opinion.statement.text)}”") == 1
    seen = shown(as_read(hostile))
    for principle in hostile.constitution.principles:
        assert seen.count(f". {principle.text}\n") == 1
        for origin in principle.origins:
            assert f"statement {origin.ref}: “{origin.quote}”" in seen


def test_the_head_counts_what_is_there(opinion_of: Make) -> None:
    opinion = opinion_of(["The AI should be kind.", "Roads should be wide."])
    drafted = draft(opinion, ["udhr"])
    page = as_read(drafted)
    assert (
        f"`{drafted.constitution.id}`: {len(drafted.constitution.principles)} principles, 1 of them from the public."
        in page
    )
    assert (
        "100 participants, 100 of them in 2 opinion groups, 200 votes on 2 statements; 1 statements were left out"
        in page
    )
    numbers = [int(n) for n in re.findall(r"^### (\d+)\. ", page, re.MULTILINE)]
    assert numbers == list(range(1, len(drafted.constitution.principles) + 1))
    assert (
        page.index("## From the public")
        < page.index("### 1.")
        < page.index("## From the sources alone")
        < page.index("### 2.")
    )


def test_origins_show_the_share_of_every_group_and_the_article(opinion_of: Make, voted: Voted) -> None:
    said = [voted("7", "The AI should be kind.", 0.9, inclusion=0.997)]
    page = as_read(draft(opinion_of(said), ["udhr"]))
    assert (
        "- statement 7: “The AI should be kind.” (agreeing, by group: 90%, 90%; all agree in 99% of resamples)" in page
    )
    assert "- article udhr:1: “Free and equal in dignity”" in page
    assert "- bears on dignity" in page


def test_a_public_that_says_nothing_is_said_to(opinion_of: Make) -> None:
    drafted = draft(opinion_of(["Roads should be wide."], simulated=True), ["udhr"])
    page = as_read(drafted)
    assert "## From the public\n\nNo principle." in page
    for text in (page, left_out_markdown(drafted)):
        assert f"> **{escape(SIMULATED)}**" in text
        assert f"> **{escape(NO_PRINCIPLES)}**" in text


def test_every_contested_concept_has_its_stance_or_is_silent(opinion_of: Make) -> None:
    page = as_read(draft(opinion_of(["The AI should not take sides."]), []))
    for concept in concepts().values():
        stance = "neutral" if concept.id == "political-opinion" else "silent"
        assert (f"| {concept.id} | {stance} |" in page) == concept.contested


def test_conflicts_are_shown_with_both_sides_and_the_outcome(opinion_of: Make, voted: Voted) -> None:
    said = [voted("1", "The AI should not take sides.", 0.9), voted("2", "The AI should take sides.", 1.0)]
    drafted = draft(opinion_of(said), [])
    for page in (as_read(drafted), left_out_markdown(drafted)):
        assert "**political-opinion**: the public's principles disagree; training follows *takes-a-view*." in page
        assert "- takes-a-view (weight 0.98" in page
        assert "The assistant should not take sides." in page
    even = draft(opinion_of(["The AI should not take sides.", "The AI should take sides."]), [])
    assert "both weigh the same: no stance" in as_read(even)
    assert "## Conflicts" not in as_read(draft(opinion_of(said[:1]), []))


def test_the_attribution_travels_with_both(opinion_of: Make) -> None:
    drafted = draft(opinion_of(["The AI should be kind."], attribution="Votes: CC BY 4.0"), [])
    for page in (as_read(drafted), left_out_markdown(drafted)):
        assert page.endswith("## Attribution\n\nVotes: CC BY 4.0\n")


# ------------------------------------------------------------------ left out, and small cells


def test_left_out_counts_every_reason_and_adds_up(opinion_of: Make, voted: Voted) -> None:
    said = [
        "The AI should be kind.",
        voted("2", "The AI should be honest.", 0.5),
        voted("3", "The AI should be honest, please.", 0.4),
        voted("4", "The AI should be fair.", moderated=-1),
        "???",
    ]
    page = left_out_markdown(draft(opinion_of(said), []))
    assert "4 of 5 statements became no principle." in page
    counts = {reason: int(count) for reason, count in re.findall(r"^\| ([a-z-]+) \| (\d+) \|", page, re.MULTILINE)}
    assert counts == {Reason.MODERATED.value: 1, Reason.EMPTY.value: 1, Reason.NOT_AGREED.value: 2}
    for reason, count in counts.items():
        section = page.split(f"## {reason} ({count})")[1].split("##")[0]
        assert section.count("- statement ") == count
    assert "- statement 2: “The AI should be honest.” (all 50/50/0; group 1 30/30/0; group 2 20/20/0" in page


def test_tallies_of_fewer_than_ten_people_are_not_shown(opinion_of: Make, voted: Voted) -> None:
    few = replace(voted("1", "Roads!"), overall=Tally(7, 1, 1), by_group=(Tally(5, 0, 0), Tally(2, 1, 1)))
    lopsided = replace(voted("2", "Roads?"), overall=Tally(71, 2, 0), by_group=(Tally(60, 2, 0), Tally(9, 0, 0)))
    enough = replace(voted("3", "Roads."), overall=Tally(21, 2, 4), by_group=(Tally(11, 2, 4), Tally(10, 0, 0)))
    page = left_out_markdown(draft(opinion_of([few, lopsided, enough]), []))
    assert "- statement 1: “Roads!” (fewer than 10 votes" in page
    assert "- statement 2: “Roads?” (all 71/2/0; a group has fewer than 10, so none is shown" in page
    assert "- statement 3: “Roads.” (all 21/2/4; group 1 11/2/4; group 2 10/0/0" in page


def test_the_share_of_a_small_group_is_not_shown(opinion_of: Make, voted: Voted) -> None:
    page = as_read(draft(opinion_of([voted("1", "The AI should be kind.", 1.0, groups=(60, 9))]), []))
    assert "(groups with fewer than 10 votes are not shown)" in page
    assert "100%" not in page
