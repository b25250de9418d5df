"""A block compiled by itself fits into a slot, with its links numbered among the message's."""

from campaigns.templating.blocks import compile_block
from tests.campaigns.templating.making import rendered


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
