"""Templates that are meant to eat a worker's time or memory: 51 of them, each with the name of what it tries."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


def wide(seed: str, *, name: str = "s", doublings: int = 16) -> str:
    """Liquid that makes a text of many times the seed, as long as it is let."""
    loop = f"{{% for i in (1..{doublings}) %}}{{% assign {name} = {name} | append: {name} %}}{{% endfor %}}"
    return f"{{% assign {name} = '{seed}' %}}{loop}"


@dataclass(frozen=True, slots=True)
class Bomb:
    """What an author wrote, or what data, rules and blocks bring along."""

    name: str
    body: str = ""
    subject: str = "News"
    text: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)


def bombs() -> Iterator[Bomb]:
    """Yield all of them."""
    yield from (Bomb(name, f"<mj-text>{liquid}</mj-text>") for name, liquid in _LIQUID.items())
    yield from (Bomb(name, body) for name, body in _MARKUP.items())
    yield Bomb("a subject without end", subject="a{{ x }}" * 1_900)
    yield Bomb("a text without end", text="https://s.example/{{ x }} " * 1_900)
    slot = '<mj-raw>{% slot "hero" %}{% endslot %}</mj-raw>'
    yield Bomb(
        "a slot that shows itself",
        slot,
        context={"slots": {"hero": 'x{% slot "hero" %}{% endslot %}{% slot "hero" %}{% endslot %}'}},
    )
    loops = "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}"
    yield Bomb("a slot full of loops", slot, context={"slots": {"hero": loops}})
    show = '<mj-raw>{% render "offer" %}</mj-raw>'
    yield Bomb(
        "a block that shows itself", show, blocks={"offer": '{% render "offer" %}{% render "offer" %}'}
    )
    yield Bomb(
        "data of a megabyte, shown again and again",
        "<mj-text>{% for i in (1..1000) %}{{ customer.attributes.story }}{% endfor %}</mj-text>",
        context={"customer": {"attributes": {"story": "é" * 500_000}}},
    )
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}
    yield Bomb("data that is nested deeply", "<mj-text>{{ deep }}</mj-text>", context={"deep": deep})


_LIQUID = {
    "loops in loops": "{% for i in (1..1000) %}{% for j in (1..1000) %}{% for k in (1..1000) %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "a range without end": "{% for i in (1..99999999999) %}x{% endfor %}",
    "a range made into a list": "{{ (1..99999999) | join: ',' }}",
    "a range that is reversed": "{{ (1..99999999) | reverse | size }}",
    "a range of a range": "{% assign r = (1..99999999) %}{% for i in (r.first..r.last) %}{{ i }}{% endfor %}",
    "a table of a range": "{% tablerow i in (1..99999999) cols: 1 %}x{% endtablerow %}",
    "a text that doubles": wide("boom", doublings=40) + "{{ s }}",
    "a capture that doubles": "{% assign s = 'boom' %}{% for i in (1..40) %}"
    "{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}{{ s }}",
    "a list that doubles": "{% assign a = '1,2' | split: ',' %}{% for i in (1..40) %}"
    "{% assign a = a | concat: a %}{% endfor %}{{ a | size }}",
    "a number that squares itself": "{% assign n = 99 %}{% for i in (1..60) %}{% assign n = n | times: n %}"
    "{% endfor %}{{ n }}",
    "a number of many digits": "{{ " + "9" * 50_000 + " | plus: 1 }}",
    "a fraction without end": "{{ 1.1 | round: 99999999 }}{{ 1 | divided_by: 3.0 | round: 999 }}",
    "a power of ten": "{{ 1e308 | times: 1e308 }}{{ 1e999999 | ceil }}",
    "a wide date": "{{ 'now' | date: '%1000000000d' }}",
    "a date of many words": wide("1 ") + "{{ s | date: '%Y' }}",
    "a date format without end": wide("%Y") + "{{ 'now' | date: s }}",
    "every letter replaced": wide("a") + wide("b", name="t") + "{{ s | replace: 'a', t }}",
    "every gap filled": wide("a") + wide("b", name="t") + "{{ s | replace: '', t }}",
    "a join with a long glue": wide("a,") + "{{ s | split: ',' | join: s }}",
    "tags that never close": wide("<") + "{{ s | strip_html }}",
    "scripts that never close": wide("<script") + "{{ s | strip_html }}",
    "comments that never close": wide("<!--") + "{{ s | strip_html }}",
    "escapes of escapes": wide("&") + "{{ s | escape | escape | escape | escape | escape | escape }}",
    "codes of codes": wide("é") + "{{ s | url_encode | url_encode | url_encode | url_encode | url_encode }}",
    "many things that are unlike": wide("ab,") + "{{ s | split: '' | uniq | size }}"
    "{{ s | split: ',' | sort_natural | uniq | join }}",
    "words that are counted": wide("a ") + "{{ s | truncatewords: 999999999 }}{{ s | split: ' ' | size }}",
    "a filter after the other": "{{ 'x' " + "| upcase | downcase " * 140 + "}}",
    "a condition after the other": "{% if a" + " or a" * 580 + " %}x{% endif %}",
    "conditions in conditions": "{% if a %}" * 990 + "{% endif %}" * 990,
    "brackets in brackets": "{{ " + "a[" * 45 + "0" + "]" * 45 + " }}",
    "a path without end": "{{ a" + ".b" * 1_400 + " }}",
    "a case of many": "{% case x %}" + "{% when 1 %}y" * 1_900 + "{% endcase %}",
    "lines without end": "{% liquid\n" + "echo 1\n" * 400 + "%}",
    "outputs without end": "{{ x }}" * 1_900,
    "a cycle of many": "{% for i in (1..1000) %}{% cycle " + ",".join(["'x'"] * 700) + " %}{% endfor %}",
}
_MARKUP = {
    "tags that open": "{% if a " * 1_900,
    "outputs that open": "{{ a " * 1_900,
    "comments that open": "<!-- " + "x" * 30 + " <!-- " * 1_900,
    "quotes that open": ("<a \"<a '" + "x" * 50) * 950,
    "styles that open": ("<style>" + "a{color:red;" * 2) * 1_900,
    "elements in elements": "<mj-wrapper>" * 1_900,
    "elements closed in elements": "<mj-wrapper>" * 900 + "</mj-wrapper>" * 900,
    "a tag of nothing but blanks": "<mj-raw><!-- <b" + " " * 190_000 + "< --></mj-raw>",
    "elements without end": "<mj-text>x &amp; y, and a line</mj-text>\n" * 950,
}
