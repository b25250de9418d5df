"""Hypothesis strategies for conditions, as JSON."""

from typing import Any

from hypothesis import strategies as st

from tests.segments.worlds import EDGES, NUMBERS, PATHS, TEXTS, TYPES

Json = dict[str, Any]
PRESENCE = st.sampled_from(["is_missing", "is_present"])
RANGE = st.sampled_from(["eq", "gt", "gte", "lt", "lte"])
ORDER = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"])
SAMPLES = [text for text in TEXTS if text] + ["ondon", "C1", "example", "3"]
SPANS = st.sampled_from([{"days": 1}, {"hours": 24}, {"days": 7}, {"days": 30}, {"weeks": 1, "days": 23}])
MOMENTS = st.sampled_from([edge.isoformat() for edge in EDGES])


def _comparison(subject: Json, op: st.SearchStrategy[str], value: st.SearchStrategy[Any]) -> Any:
    return st.builds(lambda op, value: {**subject, "op": op, "value": value}, op, value)


def _presence(subject: Json) -> st.SearchStrategy[Json]:
    return PRESENCE.map(lambda op: {**subject, "op": op})


def _listed(subject: Json, values: list[str]) -> st.SearchStrategy[Json]:
    one = _comparison(subject, st.sampled_from(["eq", "ne"]), st.sampled_from(values))
    many = _comparison(
        subject, st.sampled_from(["in", "not_in"]), st.lists(st.sampled_from(values), min_size=1, max_size=3)
    )
    return one | many | _presence(subject)


def _text(subject: Json) -> st.SearchStrategy[Json]:
    part = _comparison(subject, st.sampled_from(["contains", "starts_with"]), st.sampled_from(SAMPLES))
    return _listed(subject, SAMPLES) | part


def _time(subject: Json) -> st.SearchStrategy[Json]:
    relative = _comparison(subject, st.sampled_from(["within", "older_than"]), SPANS)
    return relative | _comparison(subject, st.sampled_from(["before", "after"]), MOMENTS) | _presence(subject)


def _custom(subject: Json) -> st.SearchStrategy[Json]:
    return (
        _text(subject)
        | _comparison(subject, ORDER, st.sampled_from(NUMBERS))
        | _comparison(subject, st.sampled_from(["eq", "ne"]), st.booleans())
    )


WHERE = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(PATHS) | st.lists(st.sampled_from(PATHS), min_size=1, max_size=2),
        "product": st.sampled_from(["p1", "p2", "p3"]),
        "value": st.dictionaries(RANGE, st.sampled_from([0, 1999, 2000]), min_size=1, max_size=2),
        "quantity": st.sampled_from([1, 2]),
        "currency": st.sampled_from(["gbp", "EUR"]),
        "source": st.sampled_from(["shop", "till"]),
    },
)
COUNTS = st.sampled_from(
    [{"gte": 1}, {"gte": 2}, {"eq": 0}, {"lte": 1}, {"gt": 0, "lt": 4}, {"eq": 2}, {"lt": 2}, 1]
)
EVENT = st.fixed_dictionaries(
    {"event": st.sampled_from(TYPES)},
    optional={"where": WHERE, "count": COUNTS, "not_followed_by": st.sampled_from(TYPES)},
)
WINDOW = (
    st.just({})
    | SPANS.map(lambda span: {"within": span})
    | st.lists(st.sampled_from(sorted(EDGES)), min_size=2, max_size=2, unique=True).map(
        lambda pair: {"between": [edge.isoformat() for edge in sorted(pair)]}
    )
)
LEAF = st.one_of(
    _text({"attribute": "country"}),
    _text({"attribute": "city"}),
    _text({"attribute": "email"}),
    _text({"attribute": "timezone"}),
    _custom({"attribute": "attributes.tier"}),
    _custom({"attribute": "attributes.0"}),
    _time({"attribute": "signed_up_at"}),
    _presence({"attribute": "birth_date"})
    | _comparison(
        {"attribute": "birth_date"},
        st.sampled_from(["before", "after"]),
        st.sampled_from(["1990-01-01", "1990-01-02"]),
    ),
    st.booleans().map(lambda value: {"attribute": "allows_profiling", "value": value}),
    _comparison({"fact": "orders_count"}, ORDER, st.sampled_from([-1, 0, 1, 2, 10**15])),
    _comparison({"fact": "revenue_minor"}, ORDER, st.sampled_from([0, 1999, 10**12])),
    _time({"fact": "last_order_at"}),
    _listed({"fact": "last_purchase_category"}, PATHS),
    _listed({"fact": "last_viewed_product"}, ["p1", "p2", "p3"]),
    st.builds(lambda event, window: {**event, **window}, EVENT, WINDOW),
    st.builds(lambda event, window: {**event, **window}, EVENT, WINDOW),
    # Nothing but a window: its edges decide.
    st.builds(lambda kind, window: {"event": kind, **window}, st.sampled_from(TYPES), WINDOW),
    st.builds(lambda kind, window: {"event": kind, **window}, st.sampled_from(TYPES), WINDOW),
    _comparison(
        {"score": "ltv"}, st.sampled_from(["gt", "gte", "lt", "lte"]), st.sampled_from([0.1, 1, 2.5])
    ),
    _comparison(
        {"score": "ltv"}, st.sampled_from(["top_percent", "bottom_percent"]), st.sampled_from([20, 100, 50])
    ),
    st.sampled_from([{"segment": "inner"}, {"segment": "unknown"}, {"consent": "marketing_email"}]),
    st.sampled_from([{"experiment": "x"}, {"experiment": "x", "variant": "a"}, {"experiment": "y"}]),
)
CONDITIONS = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)
