"""The pieces that the editor offers compile where they say they may stand, and need no word of explanation."""

import pytest

from campaigns.templating.blocks import compile_block
from campaigns.templating.compile import compile_template
from campaigns.templating.render import render
from campaigns.templating.snippets import SNIPPETS, snippets_for
from tests.campaigns.templating.making import FOOTER

AROUND = {
    "text": "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>",
    "column": "<mj-section><mj-column>{}</mj-column></mj-section>",
    "body": "{}",
}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_it_stands_where_it_says(snippet):
    page = AROUND[snippet.place].format(snippet.code) + AROUND["column"].format(FOOTER)
    template = compile_template(subject="News", preheader="", mjml=f"<mjml><mj-body>{page}</mj-body></mjml>")
    wrong = [one.message for one in template.findings if one.severity == "error" or "Nothing" in one.message]
    assert wrong == []
    assert (
        "{%"
        not in render(
            template, {"unsubscribe_url": "https://s.example/u", "now": "2026-03-01T09:00:00Z"}
        ).html
    )


@pytest.mark.parametrize(
    "snippet", [one for one in SNIPPETS if one.place == "column"], ids=lambda one: one.name
)
def test_those_for_columns_stand_in_blocks_too(snippet):
    html, findings = compile_block(snippet.code)
    assert html
    assert [one for one in findings if one.severity == "error"] == []


def test_they_are_offered_by_place():
    assert [(heading, len(pieces)) for heading, pieces in snippets_for("text", "body")] == [
        ("In a text", 3),
        ("Between sections", 5),
    ]
