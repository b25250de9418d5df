"""Compiling keeps Liquid whole, numbers links, and names faults with their line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.templating.compile import compile_template, requested_recommendations, slot_names
from campaigns.templating.links import href_values
from campaigns.templating.masking import mask
from campaigns.templating.sandbox import LARGEST_SOURCE
from tests.campaigns.templating.making import FOOTER, compiled, messages


def test_a_comparison_in_liquid_survives_the_mjml_parser():
    template = compiled("<mj-text>{% if orders_count < 3 and 'a' != \"b\" %}few{% endif %}</mj-text>")
    assert template.is_publishable
    assert "{% if orders_count < 3 and 'a' != \"b\" %}few{% endif %}" in template.html


def test_a_less_than_in_a_text_is_escaped():
    assert "5 &lt; 6" in compiled("<mj-text>5 < 6</mj-text>").html


def test_liquid_between_elements_stays_between_them():
    template = compiled(
        "{% if customer.city %}<mj-text>first</mj-text>{% else %}<mj-text>second</mj-text>{% endif %}"
    )
    start, middle, end = (template.html.index(tag) for tag in ("{% if", "{% else", "{% endif"))
    assert start < template.html.index("first<") < middle < template.html.index("second<") < end


@given(st.text(alphabet="ab{}%\"' \n<>-lq01x", max_size=60))
def test_hiding_liquid_and_putting_it_back_changes_nothing(source):
    hidden = mask(source)
    assert hidden.restore(hidden.text) == source


def test_hidden_words_do_not_collide_with_the_source():
    hidden = mask("lq0x {{ a }} lqq0x")
    assert hidden.restore(hidden.text) == "lq0x {{ a }} lqq0x"


def test_static_links_become_numbers_in_their_order_without_repetition():
    template = compiled(
        '<mj-button href="https://s.example/b?x=1&amp;y=2">B</mj-button>'
        '<mj-text><a href="https://s.example/a">A</a> <a href="https://s.example/b?x=1&amp;y=2">B</a></mj-text>'
    )
    assert template.links == ("https://s.example/b?x=1&y=2", "https://s.example/a")
    assert template.html.count("{% link 0 %}") == 2
    assert "https://s.example" not in template.html


def test_the_unsubscribe_link_is_not_tracked():
    template = compiled("")
    assert 'href="{{ unsubscribe_url }}"' in template.html
    assert "Unsubscribe ({{ unsubscribe_url }})" in template.text


def test_the_derived_text_is_readable():
    template = compiled(
        "<mj-text><h1>Boots &amp; more</h1><p>For <b>every</b> weather.</p></mj-text>"
        '<mj-image src="x.png" alt="A boot" href="https://s.example/boot" />'
        '<mj-text>Write to <a href="mailto:us@s.example">us@s.example</a></mj-text>'
        "<mj-raw><ul><li>light</li><li>warm</li></ul></mj-raw>"
    )
    assert template.text == (
        "Boots & more\n\nFor every weather.\n\nA boot ({% link 0 %})\n\nWrite to us@s.example\n\n"
        "- light\n\n- warm\n\nUnsubscribe ({{ unsubscribe_url }})\n"
    )


def test_a_picture_link_is_left_out_of_the_text_when_words_lead_to_the_same_place():
    template = compiled(
        '<mj-image src="x.png" alt="A boot" href="{{ last_viewed_product.url }}" />'
        '<mj-text><a href="{{ last_viewed_product.url }}">The boot</a></mj-text>'
    )
    assert "A boot" not in template.text
    assert "The boot ({% tracked %}{{ last_viewed_product.url }}{% endtracked %})" in template.text


def test_a_written_text_shares_the_link_numbers():
    template = compiled(
        '<mj-button href="https://s.example/a">A</mj-button>',
        text="A: https://s.example/a, B: https://s.example/b. {{ last_viewed_product.url }} {{ unsubscribe_url }}",
    )
    assert template.text == (
        "A: {% link 0 %}, B: {% link 1 %}. {% tracked %}{{ last_viewed_product.url }}{% endtracked %} "
        "{{ unsubscribe_url }}"
    )
    assert template.links == ("https://s.example/a", "https://s.example/b")


def test_the_preheader_is_the_hidden_preview():
    template = compiled("", preheader="Fish & {{ customer.city }}")
    assert 'overflow:hidden;">Fish &amp; {{ customer.city }}</div>' in template.html
    assert "Fish" not in template.text


def test_no_web_font_is_fetched_from_a_third_party():
    assert "fonts.googleapis" not in compiled("<mj-text>x</mj-text>").html


def test_it_lists_what_the_liquid_reads():
    template = compiled(
        "{% recommendations k: 4 %}<mj-text>{{ product.name }}</mj-text>{% endrecommendations %}"
        "<mj-text>{% assign mine = 1 %}{{ mine }}{{ last_purchase_category }}</mj-text>",
        subject="{{ customer.first_name }}",
    )
    assert template.variables == ("customer.first_name", "last_purchase_category", "unsubscribe_url")
    assert requested_recommendations(template) == {"": 4}


def test_it_lists_slots_and_what_each_strategy_needs():
    template = compiled(
        '{% slot "hero" %}<mj-text>x</mj-text>{% endslot %}{% slot "foot" %}{% endslot %}'
        '{% recommendations k: 2, strategy: "bestsellers" %}<mj-text>x</mj-text>{% endrecommendations %}'
        '{% recommendations k: 6, strategy: "bestsellers" %}<mj-text>x</mj-text>{% endrecommendations %}'
    )
    assert slot_names(template) == ["hero", "foot"]
    assert requested_recommendations(template) == {"bestsellers": 8}


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("<mj-text>\n\n{% if x %}</mj-text>", 4, "Liquid: "),
        ("<mj-text>\n{{ x | nosuch }}</mj-text>", 3, "unknown filter 'nosuch'"),
        ("\n{% include 'x' %}", 3, 'There is no block "x"'),
        ("\n{% link 0 %}", 3, "Liquid: "),
        ("<mj-text>{{ x | safe }}</mj-text>", 2, "unknown filter 'safe'"),
        ("\n\n<mj-txt>x</mj-txt>", 4, "<mj-txt> is no MJML element."),
        ("\n<mj-text>x", 3, "<mj-text> is never closed."),
        ("x</mj-text>", 2, "</mj-text> closes nothing, but <mj-column> is open."),
        ('\n<mj-text><a href="javascript:alert(1)">x</a></mj-text>', 3, 'The link "javascript:alert(1)"'),
        (
            "<mj-social>\n{% if x %}{% endif %}</mj-social>",
            3,
            "Liquid cannot stand between the parts of <mj-social>",
        ),
        ('<mj-include path="/etc/passwd" />', 2, "<mj-include> is no MJML element."),
        (
            '{% recommendations strategy: "magic" %}{% endrecommendations %}',
            2,
            "there is no strategy 'magic'; there are",
        ),
        ("{% recommendations k: 500 %}{% endrecommendations %}", 2, "k must be a number from 1 to 50"),
        ("{% slot hero %}{% endslot %}", 2, "a slot needs a name in quotes"),
    ],
)
def test_a_fault_is_an_error_with_its_line(body, line, words):
    template = compiled(body)
    assert [found for found, message in messages(template, "error") if words in message] == [line]
    assert not template.is_publishable


def test_a_missing_alt_text_is_warned_about():
    template = compiled('\n<mj-image src="x.png" />\n<mj-image src="y.png" alt="" />')
    assert [line for line, message in messages(template, "warning") if "alt text" in message] == [3]


def test_an_unknown_variable_is_warned_about():
    template = compiled("<mj-text>\n{{ customer.frist_name }}</mj-text>")
    assert messages(template) == [(3, "Nothing provides the variable customer.frist_name.")]


def test_a_variable_that_the_caller_knows_is_not_warned_about():
    assert (
        messages(compiled("<mj-text>{{ loyalty.tier }}</mj-text>", known={"loyalty.*", "unsubscribe_url"}))
        == []
    )


def test_a_mail_without_unsubscribe_link_is_an_error():
    mjml = (
        "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    template = compile_template(subject="x", preheader="", mjml=mjml)
    assert [message for _, message in messages(template, "error")] == [
        "There is no unsubscribe link: add a link to {{ unsubscribe_url }}."
    ]


def test_a_large_mail_is_warned_about():
    template = compiled(f"<mj-text>{'word ' * 21_000}</mj-text>")
    assert [message for _, message in messages(template)] == [
        "The HTML has 105 KB before data; Gmail clips messages at 102 KB."
    ]


def test_text_that_would_be_lost_is_warned_about():
    mjml = f"<mjml><mj-body>lost<mj-section><mj-column>{FOOTER}</mj-column></mj-section></mj-body></mjml>"
    template = compile_template(subject="x", preheader="", mjml=mjml)
    assert [message for _, message in messages(template, "warning")] == [
        'The text "lost" stands in <mj-body>, outside an <mj-text>, and would be lost.'
    ]


def test_an_empty_or_broken_source_is_a_finding_not_a_crash():
    for mjml in (
        "",
        "<",
        "<mjml>",
        "no markup",
        "<mjml></mjml>",
        "{{",
        "<mjml><mj-body>\x00</mj-body></mjml>",
    ):
        assert not compile_template(subject="x", preheader="", mjml=mjml).is_publishable


def test_a_source_of_absurd_size_is_refused():
    template = compiled("x" * (LARGEST_SOURCE + 1))
    assert [message for _, message in messages(template, "error")] == [
        "The source is longer than 200,000 characters."
    ]


@pytest.mark.parametrize("before", ['title=">"', 'data-x="a>b"'])
def test_a_bracket_in_an_attribute_hides_no_address(before: str) -> None:
    template = compiled(f'<mj-text><a {before} href="javascript:alert(1)">x</a></mj-text>')
    assert any("is not a web, mail or telephone address" in one.message for one in template.findings)


def test_an_address_behind_a_bracket_is_checked_when_data_makes_it() -> None:
    template = compiled('<mj-text><a title=">" href="{{ u }}">x</a></mj-text>')
    assert 'title=">" href="{% tracked %}{{ u }}{% endtracked %}"' in template.html


@pytest.mark.parametrize(
    ("tag", "values"),
    [
        ("<a href=y>", ["y"]),
        ('<a/href="y">', ['"y"']),
        ("<a title=\"x\"href='y'>", ["'y'"]),
        ("""<area it's="" HREF = "y" o'clock="">""", ['"y"']),
        ('<a rel=a<b href="y">', ['"y"']),
        ('<abbr href="n">', []),
        ("<a title='href=\"n\"'>", []),
        ('<a x= href="n">', []),
        ('<a href="unfinished', []),
        ('<a href="">', ['""']),
        ('<a =href="n" href="y">', ['"y"']),
    ],
)
def test_an_address_stands_where_a_browser_finds_it(tag: str, values: list[str]) -> None:
    assert [tag[start:end] for start, end in href_values(tag)] == values
