"""The templates that come with the project."""

from pathlib import Path

import pytest

from campaigns.templating.compile import compile_template, requested_recommendations, slot_names
from campaigns.templating.render import render

FOLDER = Path(__file__).parents[3] / "campaigns" / "examples"
PRODUCT = {
    "name": "Ridge 40",
    "price_minor": 12900,
    "currency": "GBP",
    "image_url": "https://s.example/1.png",
    "url": "https://s.example/1",
}


def example(name):
    return compile_template(subject="News", preheader="", mjml=(FOLDER / f"{name}.mjml").read_text("utf-8"))


@pytest.mark.parametrize(("name", "strategy"), [("recommendations", ""), ("bestsellers", "bestsellers")])
def test_an_example_compiles_without_a_finding(name, strategy):
    template = example(name)
    assert template.findings == ()
    assert (requested_recommendations(template), slot_names(template)) == ({strategy: 3}, ["hero"])


def test_the_examples_differ_in_heading_and_strategy_only():
    ours, theirs = (
        (FOLDER / f"{name}.mjml").read_text("utf-8") for name in ("recommendations", "bestsellers")
    )
    lines = [
        (a.strip(), b.strip()) for a, b in zip(ours.split("\n"), theirs.split("\n"), strict=True) if a != b
    ]
    assert lines == [
        ('<mj-text mj-class="heading">Recommended for you</mj-text>',
         '<mj-text mj-class="heading">Our bestsellers</mj-text>'),
        ('{% recommendations k: 3 %}', '{% recommendations k: 3, strategy: "bestsellers" %}'),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["recommendations", "bestsellers"])
def test_an_example_shows_no_liquid_with_data_or_without(name):
    for context in ({}, {"recommendations": [PRODUCT], "customer": {"first_name": "Ann"}}):
        message = render(example(name), {"unsubscribe_url": "https://s.example/u"} | context)
        assert not any(mark in message.html + message.text for mark in ("{{", "{%", "lq0x", "\ue000"))
