"""Rendering: fallbacks counted, data escaped, links numbered, everything bounded."""

import threading

import pytest

from campaigns.templating import rendering
from campaigns.templating.render import RenderFailed, render, render_fragment
from campaigns.templating.sandbox import parsed_html
from tests.campaigns.templating.making import compiled, rendered

PRODUCTS = [
    {"name": f"Boot {n}", "price_minor": 1000 * n + 99, "currency": "GBP", "url": f"https://s.example/p/{n}"}
    for n in (1, 2, 3, 4)
]
GRID = (
    "{% recommendations k: 3 %}<mj-text>{{ product.name }} {{ product.price_minor | money: product.currency }}"
    '<a href="{{ product.url }}">see</a></mj-text>{% else %}<mj-text>See the shop</mj-text>{% endrecommendations %}'
)
HOSTILE = "<script>alert('x')</script> \"O'Hara\" & {{ 7 | times: 6 }}"


def test_a_missing_name_falls_back_and_is_counted():
    message = rendered("<mj-text>Hi {{ customer.first_name | default: 'there' }}</mj-text>")
    assert "Hi there" in message.html
    assert message.fallbacks == {"customer.first_name": 1}


def test_nothing_is_counted_when_nothing_is_missing():
    message = rendered("<mj-text>Hi {{ customer.first_name }}</mj-text>", {"customer": {"first_name": "Ann"}})
    assert message.fallbacks == {}


def test_an_undefined_variable_is_empty_and_counted():
    message = rendered("<mj-text>[{{ nobody.knows }}]</mj-text>")
    assert "[]" in message.html
    assert message.fallbacks == {"nobody.knows": 1}


@pytest.mark.parametrize(("category", "shown"), [("outdoor", True), ("kitchen", False), (None, False)])
def test_a_fact_decides_by_its_bare_name(category, shown):
    body = "{% if last_purchase_category == 'outdoor' %}<mj-text>Reproof it</mj-text>{% endif %}"
    message = rendered(body, {"last_purchase_category": category} if category else {})
    assert ("Reproof it" in message.html, "Reproof it" in message.text) == (shown, shown)


def test_recommendations_show_k_products_with_prices():
    message = rendered(GRID, {"recommendations": PRODUCTS})
    assert [f"Boot {n}" in message.html for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert "Boot 2 £20.99" in message.text
    assert "See the shop" not in message.html


@pytest.mark.parametrize("given", [[], None, {}, "text", {"bestsellers": PRODUCTS}])
def test_without_recommendations_the_else_part_shows_and_is_counted(given):
    message = rendered(GRID, {"recommendations": given})
    assert "See the shop" in message.html
    assert message.fallbacks == {"recommendations": 1}


def test_each_strategy_takes_its_own_list():
    message = rendered(GRID, {"recommendations": {"": PRODUCTS[3:], "bestsellers": PRODUCTS[:3]}})
    assert ("Boot 4" in message.html, "Boot 1" in message.html) == (True, False)


def test_a_slot_shows_what_the_rules_chose_in_both_parts():
    slots = {"hero": '<p>For you, {{ customer.first_name }}: <a href="https://s.example/h">go</a></p>'}
    body = '{% slot "hero" %}<mj-text>Plain hero</mj-text>{% endslot %}'
    message = rendered(body, {"slots": slots, "customer": {"first_name": "<Ann>"}})
    assert (
        '<tr><td><p>For you, &lt;Ann&gt;: <a href="https://s.example/h">go</a></p></td></tr>' in message.html
    )
    assert "For you, <Ann>: go (https://s.example/h)" in message.text
    assert "Plain hero" not in message.html + message.text


@pytest.mark.parametrize("slots", [{}, {"hero": ""}, {"hero": None}, None, {"other": "<p>x</p>"}])
def test_an_empty_slot_shows_its_fallback(slots):
    message = rendered('{% slot "hero" %}<mj-text>Plain hero</mj-text>{% endslot %}', {"slots": slots})
    assert "Plain hero" in message.html
    assert message.fallbacks == {"slot:hero": 1}


def test_broken_content_in_a_slot_shows_the_fallback():
    message = rendered(
        '{% slot "hero" %}<mj-text>Plain hero</mj-text>{% endslot %}', {"slots": {"hero": "{% if %}"}}
    )
    assert "Plain hero" in message.html
    assert message.fallbacks == {"slot:hero": 1, "slot-error:hero": 1}


def test_a_slot_that_contains_itself_is_stopped():
    body = '{% slot "hero" %}{% endslot %}'
    with pytest.raises(RenderFailed, match="depth"):
        rendered(body, {"slots": {"hero": '{% slot "hero" %}{% endslot %}'}})


def test_hostile_data_is_text_in_html_and_left_alone_in_plain_text():
    message = rendered(
        '<mj-text>{{ customer.first_name }}</mj-text><mj-image src="x.png" alt="{{ customer.first_name }}" />',
        {"customer": {"first_name": HOSTILE}},
        subject="Hi {{ customer.first_name }}",
    )
    escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &#34;O&#39;Hara&#34; &amp; {{ 7 | times: 6 }}"
    assert message.html.count(escaped) == 2
    assert "<script" not in message.html
    assert message.subject == f"Hi {HOSTILE}"
    assert HOSTILE in message.text


def test_the_subject_is_one_line_without_control_characters():
    name = "Ann\r\nBcc: all@example.com\x00\u202e\u2028end"
    assert rendered("", {"customer": {"first_name": name}}, subject="{{ customer.first_name }}!").subject == (
        "Ann Bcc: all@example.com end!"
    )


def test_a_long_subject_is_cut():
    subject = rendered(
        "", {"customer": {"first_name": "a" * 500}}, subject="{{ customer.first_name }}"
    ).subject
    assert subject == "a" * 199 + "…"


def test_links_are_numbered_and_rewritten_in_both_parts():
    body = '<mj-button href="https://s.example/new?a=1&amp;b=2">New</mj-button>' + GRID
    seen = {}

    def track(index, url):
        seen[index] = url
        return f"https://t.example/c/TOKEN/{index}?x&y"

    message = rendered(body, {"recommendations": PRODUCTS}, links=track)
    assert seen == {0: "https://s.example/new?a=1&b=2"} | {n: f"https://s.example/p/{n}" for n in (1, 2, 3)}
    assert message.links == ("https://s.example/p/1", "https://s.example/p/2", "https://s.example/p/3")
    assert 'href="https://t.example/c/TOKEN/0?x&amp;y"' in message.html
    assert "see (https://t.example/c/TOKEN/3?x&y)" in message.text
    assert "https://s.example/p" not in message.html + message.text


def test_the_unsubscribe_link_stays_as_the_composer_made_it():
    message = rendered(
        "", {"unsubscribe_url": "https://s.example/u/9?a&b"}, links=lambda index, url: "tracked"
    )
    assert 'href="https://s.example/u/9?a&amp;b"' in message.html
    assert "Unsubscribe (https://s.example/u/9?a&b)" in message.text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "/path", "https://", "https:///x", "",
        "vbscript:x",        "https://shop.example@evil.example/", "https://shop.example\\@evil.example", "ht\ntps://x.example",
        "HTTPS://",
        "https://x.example/\r\nSet-Cookie: a", "https://x.example:port/", " java\tscript:alert(1)", "https://[bad/",
    ],
)  # fmt: skip
def test_an_unsafe_link_made_of_data_leads_nowhere_and_is_counted(url):
    message = rendered('<mj-text><a href="{{ page.url }}">x</a></mj-text>', {"page": {"url": url}})
    assert '<a href="#">x</a>' in message.html
    assert message.links == ()
    assert message.fallbacks["link"] == 1


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("a&b=c", "https://s.example/?q=a&b=c"),
        ("a b", "https://s.example/?q=a%20b"),
        ('"><b>', "https://s.example/?q=%22%3E%3Cb%3E"),
        ("ü", "https://s.example/?q=%C3%BC"),
        ("&lt;", "https://s.example/?q=&lt;"),
    ],
)
def test_data_in_a_link_cannot_leave_the_attribute(value, url):
    message = rendered('<mj-text><a href="https://s.example/?q={{ q }}">x</a></mj-text>', {"q": value})
    assert message.links == (url,)


def test_mail_and_telephone_links_are_allowed_and_not_tracked():
    message = rendered(
        '<mj-text><a href="{{ page.url }}">x</a></mj-text>',
        {"page": {"url": "mailto:a@s.example"}},
        links=lambda index, url: "tracked",
    )
    assert 'href="mailto:a@s.example"' in message.html


def test_a_domain_outside_ascii_is_written_in_idna():
    message = rendered('<mj-text><a href="{{ u }}">x</a></mj-text>', {"u": "https://bücher.example/ü"})
    assert message.links == ("https://xn--bcher-kva.example/%C3%BC",)


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in (1..2000) %}x{% endfor %}",
        "{% for i in (1..40) %}{% for j in (1..40) %}x{% endfor %}{% endfor %}",
        "{% assign x = 'aaaaaaaa' %}{% for i in (1..60) %}{% assign x = x | append: x %}{% endfor %}",
        "{% assign x = 99 %}{% for i in (1..60) %}{% assign x = x | times: x %}{% endfor %}",
        "{{ (1..900000000) | join: 'x' }}",
        "{{ 'aaaaaaaaaa' | date: '%999999999d' }}{{ 'now' | date: '%999999999d' }}",
        "{% assign x = 'a' %}{% for i in (1..900) %}{% assign x = x | append: 'aaaaaaaa' %}{% endfor %}"
        "{{ x | replace: 'a', x }}",
        "{% assign x = 'a' %}{% for i in (1..900) %}{% assign x = x | append: 'aaaaaaaa' %}{{ x }}{% endfor %}",
        "{% for i in customer.many %}x{% endfor %}",
        "{{ 1 | divided_by: 0 }}",
    ],
)
def test_a_greedy_template_fails_and_harms_nobody(body):
    with pytest.raises(RenderFailed):
        rendered(f"<mj-text>{body}</mj-text>", {"customer": {"many": list(range(5000))}})


def test_the_deadline_holds_in_any_thread(monkeypatch):
    monkeypatch.setattr(rendering, "SECONDS", -1.0)
    failures = []

    def work():
        try:
            rendered("<mj-text>{{ customer.first_name }}</mj-text>")
        except RenderFailed as error:
            failures.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == ["rendering took too long"]


def test_a_template_cannot_read_python():
    body = "<mj-text>[{{ customer.__class__ }}{{ customer.keys }}{{ now.__init__ }}]</mj-text>"
    assert "[]" in rendered(body, {"customer": {}, "now": "x"}).html


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ('1250 | money: "GBP"', "£12.50"),
        ('1250 | money: "JPY"', "¥1,250|1,250 JPY"),
        ('-5 | money: "EUR"', "-€0.05"),
        ('123456789 | money: "CHF"', "1,234,567.89 CHF"),
        ("nothing | money", ""),
    ],
)
def test_money_is_written_for_people(expression, written):
    shown = rendered("<mj-text>x</mj-text>", subject=f"[{{{{ {expression} }}}}]").subject
    assert shown.strip("[]") in written.split("|")


def test_a_block_is_rendered_by_itself():
    html = render_fragment('<p>{{ customer.first_name }} <a href="{{ u }}">x</a></p>', {"u": "javascript:x"})
    assert html == '<p> <a href="#">x</a></p>'


def test_a_broken_block_fails_clearly():
    with pytest.raises(RenderFailed):
        render_fragment("{% if %}", {})


def test_a_template_is_parsed_once_a_process():
    template = compiled(GRID)
    render(template, {})
    before = parsed_html.cache_info()
    render(template, {})
    after = parsed_html.cache_info()
    assert (after.hits - before.hits, after.misses - before.misses) == (1, 0)
