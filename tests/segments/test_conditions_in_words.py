import pytest

from segments.conditions import describe, parse

AT_RISK = {
    "all": [
        {"attribute": "country", "value": "GB"},
        {"event": "order_placed", "count": {"gte": 3}, "within": {"days": 90}},
        {"not": {"event": "order_placed", "within": {"days": 30}}},
    ]
}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            AT_RISK,
            "Lives in United Kingdom and has placed at least 3 orders in the last 90 days"
            " and has not placed an order in the last 30 days",
        ),
        ({"all": []}, "Everybody"),
        ({"attribute": "country", "op": "in", "value": ["gb", "IE"]}, "Lives in United Kingdom or Ireland"),
        ({"attribute": "country", "op": "ne", "value": "GB"}, "Does not live in United Kingdom"),
        ({"not": {"attribute": "country", "op": "ne", "value": "GB"}}, "Lives in United Kingdom"),
        ({"attribute": "attributes.tier", "value": "gold"}, "Tier is “gold”"),
        ({"attribute": "city", "op": "is_missing"}, "City is not known"),
        ({"attribute": "allows_profiling", "value": False}, "Does not allow profiling"),
        ({"fact": "revenue_minor", "op": "gte", "value": 15000}, "Revenue is at least £150.00"),
        (
            {"fact": "last_order_at", "op": "older_than", "value": {"weeks": 2}},
            "Last order was more than 14 days ago",
        ),
        (
            {"event": "product_viewed", "where": {"category": "camping"}, "within": {"hours": 48}},
            "Has viewed a product in “camping” in the last 2 days",
        ),
        (
            {"event": "product_added", "not_followed_by": "order_placed", "within": {"hours": 1}},
            "Has put a product into the cart in the last hour without having placed an order since",
        ),
        ({"event": "email_opened", "count": 0}, "Has not opened an e-mail"),
        ({"event": "order_placed", "count": {"lte": 2}}, "Has placed at most 2 orders"),
        (
            {"event": "order_placed", "between": ["2011-01-01", "2011-02-01T12:00:00Z"]},
            "Has placed an order from 1 January 2011 until before 1 February 2011 12:00 UTC",
        ),
        ({"score": "ltv", "op": "top_percent", "value": 20}, "Is in the top 20 % by ltv"),
        ({"not": {"segment": "vip"}}, "Is not in the segment “vip”"),
        ({"consent": "marketing_email"}, "Has consented to marketing email"),
        ({"experiment": "hero", "variant": "b"}, "Is in variant “b” of the experiment “hero”"),
        (
            {"all": [{"segment": "a"}, {"any": [{"segment": "b"}, {"segment": "c"}]}]},
            "Is in the segment “a” and (is in the segment “b” or is in the segment “c”)",
        ),
        (
            {"not": {"any": [{"segment": "b"}, {"segment": "c"}]}},
            "It is not so that (is in the segment “b” or is in the segment “c”)",
        ),
    ],
)
def test_a_condition_reads_as_a_sentence(document, sentence):
    assert describe(parse(document), currency="GBP") == sentence
