"""A block compiled by itself fits into a slot, with its links numbered among the message's."""

from campaigns.templating.blocks import compile_block
from tests.campaigns.templating.making import compiled, messages, rendered


def test_a_block_fills_a_slot_and_its_links_are_tracked():
    html, findings = compile_block(
        '<mj-text>For {{ customer.first_name }}: <a href="https://s.example/a?x=1&amp;y=2">tents</a></mj-text>'
    )
    message = rendered(
        '<mj-button href="https://s.example/new">New</mj-button>{% slot "hero" %}{% endslot %}',
        {"slots": {"hero": html}, "customer": {"first_name": "<Ann>"}},
        links=lambda index, url: f"https://t.example/{index}",
    )
    assert findings == []
    assert message.links == ("https://s.example/a?x=1&y=2",)
    assert 'For &lt;Ann&gt;: <a href="https://t.example/1">tents</a>' in message.html
    assert "For <Ann>: tents (https://t.example/1)" in message.text


def test_a_fault_in_a_block_has_the_block_s_own_line():
    html, findings = compile_block("<mj-text>\n{{ x | nosuch }}</mj-text>")
    assert html == ""
    assert [(one.line, one.message) for one in findings if one.severity == "error"] == [
        (2, "Liquid: unknown filter 'nosuch'.")
    ]


OFFER, _ = compile_block('<mj-text>{{ code }}: <a href="https://s.example/{{ code }}">go</a></mj-text>')


def test_a_template_shows_a_block_by_its_name_with_what_it_tells_it():
    message = rendered(
        '{% render "offer", code: "TENT5" %}',
        blocks={"offer": OFFER},
        links=lambda index, url: f"https://t.example/{index}",
    )
    assert message.links == ("https://s.example/TENT5",)
    assert 'TENT5: <a href="https://t.example/0">go</a>' in message.html
    assert "TENT5: go (https://t.example/0)" in message.text
    assert "<tr><td><table" in message.html.replace("\n", "")


def test_a_block_that_is_not_there_any_more_leaves_nothing_and_is_counted():
    message = rendered('<mj-text>Before</mj-text>{% render "offer" %}', blocks={"offer": None})
    assert "Before" in message.html
    assert message.fallbacks == {"block:offer": 1}


def test_a_template_names_only_blocks_that_are_there():
    template = compiled('{% render "offer" %}\n{% include x %}', blocks={"other"})
    assert messages(template, "error") == [
        (2, 'There is no block "offer".'),
        (3, 'Name a block in quotes, like {% render "offer" %}.'),
    ]


def test_a_block_shows_no_other_block():
    html, findings = compile_block('<mj-text>{% render "offer" %}</mj-text>')
    assert html == ""
    assert [one.message for one in findings if one.severity == "error"] == ["A block shows no other block."]
