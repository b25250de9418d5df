"""Ready layouts of recommended products."""

import pytest

from campaigns.templating.compile import compile_template, requested_recommendations
from campaigns.templating.render import Rendered, render
from tests.campaigns.templating.making import FOOTER, messages

PRODUCTS = [
    {
        "name": f"Boot {n}",
        "price_minor": 1_000 * n,
        "currency": "GBP",
        "url": f"https://s.example/p/{n}",
        "image_url": f"https://s.example/{n}.png",
    }
    for n in range(1, 8)
]
PAGE = "<mjml><mj-body>\n{}\n<mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


def laid_out(tag: str, products: list[dict[str, object]] = PRODUCTS) -> Rendered:
    """A mail with this tag between its sections."""
    template = compile_template(subject="News", preheader="", mjml=PAGE.format(tag, FOOTER))
    assert messages(template, "error") == []
    return render(template, {"unsubscribe_url": "https://s.example/u", "recommendations": products})


@pytest.mark.parametrize("layout", ["grid", "list", "carousel"])
def test_a_layout_shows_each_product_with_picture_link_and_price(layout):
    mail = laid_out(f'{{% recommendations layout: "{layout}", k: 6 %}}')
    for product in PRODUCTS[:6]:
        assert f'src="{product["image_url"]}"' in mail.html
        assert f'href="{product["url"]}"' in mail.html
        assert f"£{product['price_minor'] // 100}.00" in mail.text
    assert "Boot 7" not in mail.html + mail.text
    assert ("{%" in mail.html, "lq" in mail.text) == (False, False)


@pytest.mark.parametrize(
    "tag",
    [
        '{% recommendations k: 4, strategy: "trending", layout: "grid" %}',
        "{%- recommendations layout: 'grid', strategy: \"trending\", k: 4 -%}",
        '{% recommendations strategy: "trending", layout: "grid", k: 4 %}',
    ],
)
def test_a_layout_takes_number_and_strategy_in_any_order(tag):
    template = compile_template(subject="News", preheader="", mjml=PAGE.format(tag, FOOTER))
    assert requested_recommendations(template) == {"trending": 4}


def test_an_unknown_layout_is_an_error_on_its_line():
    template = compile_template(
        subject="News", preheader="", mjml=PAGE.format('{% recommendations layout: "heap" %}', FOOTER)
    )
    assert (2, "Liquid: there is no layout 'heap'; there are grid, list, carousel.") in messages(
        template, "error"
    )


def test_lines_after_a_layout_are_the_authors():
    picture = '<mj-section><mj-column><mj-image src="x"/></mj-column></mj-section>'
    body = f'{{% recommendations layout: "carousel" %}}\n{picture}'
    template = compile_template(subject="News", preheader="", mjml=PAGE.format(body, FOOTER))
    assert (3, 'A picture has no alt text (alt="" if it only decorates).') in messages(template)


def test_a_grid_begins_a_new_row_after_every_third():
    html = laid_out('{% recommendations layout: "grid", k: 7 %}').html
    rows = [part for part in html.split('width="600"') if "Boot" in part]
    assert [sum(f'alt="Boot {n}"' in row for n in range(1, 8)) for row in rows] == [3, 3, 1]


def test_without_css_the_carousels_products_stand_in_two_columns():
    html = laid_out('{% recommendations layout: "carousel", k: 4 %}').html
    assert html.count("display:inline-block;width:50%") == 4
    assert "scroll-snap-type: x mandatory" in html


@pytest.mark.parametrize("layout", ["grid", "carousel"])
def test_products_chosen_at_opening_are_pictures_without_words(layout):
    places = [
        {
            "name": "Picked for you",
            "url": f"https://s.example/o/t/0/{n}",
            "image_url": f"https://s.example/o/t/0/{n}.png",
        }
        for n in range(4)
    ]
    tag = f'{{% recommendations layout: "{layout}", open_time: true, k: 4 %}}'
    template = compile_template(subject="News", preheader="", mjml=PAGE.format(tag, FOOTER))
    assert messages(template, "error") == []
    assert requested_recommendations(template) == {"@": 4}
    mail = render(template, {"unsubscribe_url": "https://s.example/u/1", "open_time": {"@": places}})
    assert [mail.html.count(f'src="{place["image_url"]}"') for place in places] == [1, 1, 1, 1]
    assert mail.html.count('alt="Picked for you"') == 4
    assert "€" not in mail.html
    assert mail.fallbacks == {}
    assert "Picked for you (https://s.example/o/t/0/3)" in mail.text


def test_a_list_of_products_chosen_at_opening_is_refused_with_what_there_is_instead():
    template = compile_template(
        subject="News",
        preheader="",
        mjml=PAGE.format('{% recommendations layout: "list", open_time: true %}', FOOTER),
    )
    sentence = "Liquid: there is no layout 'list' for products chosen at opening; there are grid, carousel."
    assert (2, sentence) in messages(template, "error")


def test_open_time_is_true_or_false():
    tag = '{% recommendations open_time: "yes" %}<mj-text>x</mj-text>{% endrecommendations %}'
    template = compile_template(subject="News", preheader="", mjml=PAGE.format(tag, FOOTER))
    assert (2, "Liquid: open_time must be true or false.") in messages(template, "error")


def test_shelves_of_both_kinds_stand_side_by_side():
    tag = (
        '{% recommendations k: 1, strategy: "trending" %}<mj-text>{{ product.name }}</mj-text>{% endrecommendations %}'
        '{% recommendations k: 1, strategy: "trending", open_time: true %}'
        "<mj-text>{{ product.name }}</mj-text>{% endrecommendations %}"
    )
    body = f"<mj-section><mj-column>{tag}</mj-column></mj-section>"
    template = compile_template(subject="News", preheader="", mjml=PAGE.format(body, FOOTER))
    assert requested_recommendations(template) == {"trending": 1, "@trending": 1}
    context = {
        "recommendations": {"trending": [{"name": "[Now]"}]},
        "open_time": {"@trending": [{"name": "[Later]"}]},
        "unsubscribe_url": "https://s.example/u/1",
    }
    html = render(template, context).html
    assert html.index("[Now]") < html.index("[Later]")
