"""A hundred scripts in names, products and addresses: none gets into a mail as anything but text."""

from functools import cache
from html.parser import HTMLParser

from campaigns.templating.compile import Compiled
from campaigns.templating.render import Rendered, render, render_fragment
from tests.campaigns.templating.making import compiled
from tests.safety.scripts import payloads

BODY = (
    '<mj-text>{{ name }} <b title="{{ name }}">b</b> <a href="{{ name }}">1</a> '
    '<a href="https://s.example/{{ name }}">2</a> <i style="color:{{ name }}">i</i></mj-text>'
    '<mj-image src="{{ name }}" alt="{{ name }}" href="{{ name }}" />'
    '{% slot "hero" %}{% endslot %}{% recommendations k: 1 %}<mj-text><a href="{{ product.url }}">'
    "{{ product.name }}</a></mj-text>{% endrecommendations %}"
)


def mail(payload: str) -> Rendered:
    """The mail of somebody who is called like that."""
    product = {"name": payload, "url": payload}
    hero = '<p title="{{ name }}">{{ name }} <a href="{{ name }}">x</a></p>'
    context = {"name": payload, "recommendations": [product], "slots": {"hero": hero}, "unsubscribe_url": "#"}
    return render(template(), context)


@cache
def template() -> Compiled:
    """A template that shows a name in every place where one can stand."""
    return compiled(BODY, subject="{{ name }}", preheader="{{ name }}")


def test_there_are_more_than_a_hundred():
    assert len(set(payloads())) == len(payloads()) > 100


def test_no_mail_has_a_script_a_handler_or_an_address_that_runs():
    for payload in payloads():
        reader = _Dangers()
        reader.feed(mail(payload).html + render_fragment("<p>{{ name }}</p>", {"name": payload}))
        assert reader.found == [], payload


class _Dangers(HTMLParser):
    """Collects what could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "form", "base", "svg", "math"):
            self.found.append(tag)
        for name, value in attrs:
            runs = (value or "").strip().lower().startswith(("javascript:", "vbscript:", "data:text"))
            if name.startswith("on") or (name in ("href", "action") and runs):
                self.found.append(f"{tag} {name}={value}")
