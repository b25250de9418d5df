"""Pieces that authors put into a template or block by one click."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a layout. `place` says where it may stand: `text`, `column` or `body`."""

    name: str
    place: str
    code: str


SNIPPETS = (
    Snippet("Greeting by first name", "text", 'Hello {{ customer.first_name | default: "there" }}'),
    Snippet(
        "Only for one category",
        "text",
        "{% if last_purchase_category == 'outdoor' %}Words for who bought outdoor gear last.{% endif %}",
    ),
    Snippet(
        "Nearest store",
        "text",
        "{% if nearest_store %}Your store: {{ nearest_store.name }}, {{ nearest_store.street }}, "
        "{{ nearest_store.city }} ({{ nearest_store.km }} km){% endif %}",
    ),
    Snippet(
        "What was looked at last",
        "column",
        "{% if last_viewed_product %}\n"
        '<mj-image src="{{ last_viewed_product.image_url }}" alt="{{ last_viewed_product.name }}" '
        'href="{{ last_viewed_product.url }}" />\n'
        "<mj-text>Still thinking about {{ last_viewed_product.name }}?</mj-text>\n"
        "{% endif %}",
    ),
    Snippet(
        "Slot for a rule",
        "column",
        '{% slot "hero" %}\n<mj-text>Shown where no rule decides.</mj-text>\n{% endslot %}',
    ),
    Snippet("Products in a grid", "body", '{% recommendations layout: "grid", k: 6 %}'),
    Snippet("Products in a list", "body", '{% recommendations layout: "list", k: 3 %}'),
    Snippet(
        "Products chosen at each opening", "body", '{% recommendations layout: "grid", k: 3, open_time: true %}'
    ),
    Snippet("Products to scroll through", "body", '{% recommendations layout: "carousel", k: 6 %}'),
    Snippet("Bestsellers in a grid", "body", '{% recommendations layout: "grid", k: 3, strategy: "bestsellers" %}'),
    Snippet(
        "Address and unsubscribe link",
        "column",
        '<mj-text align="center" font-size="13px">You receive this because you agreed to news from {{ sender.name }}.'
        '<br /><a href="{{ unsubscribe_url }}">Unsubscribe</a> · <a href="{{ preferences_url }}">Preferences</a>'
        "<br />{{ sender.postal_address }}</mj-text>",
    ),
)  # fmt: skip
PLACES = {
    "text": "In a text",
    "column": "In a column",
    "body": "Between sections",
}


def snippets_for(*places: str) -> list[tuple[str, list[Snippet]]]:
    """Return the snippets that may stand there, in groups with their heading."""
    return [(PLACES[place], [one for one in SNIPPETS if one.place == place]) for place in places]
