"""Hypothesis strategies for conditions, as JSON."""

import copy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.segments.worlds import EDGES, NAMES, NUMBERS, OTHER_EDGES, PATHS, TEXTS, TYPES

Json = dict[str, Any]
PRESENCE = st.sampled_from(["is_missing", "is_present"])
RANGE = st.sampled_from(["eq", "gt", "gte", "lt", "lte"])
ORDER = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"])
# About the end of a column of four bytes, and the largest that a condition takes.
LARGE = [2**31 - 1, 2**31, 10**15]
SAMPLES = [text for text in TEXTS if text] + ["ondon", "C1", "example", "3"]
SPANS = st.sampled_from(
    [{"hours": 1}, {"days": 1}, {"hours": 24}, {"days": 7}, {"days": 30}, {"weeks": 1, "days": 23}]
)
# As long as edges lie apart, so that what follows lies on the limit.
STEP_SPANS = SPANS | st.sampled_from([{"days": 6}, {"days": 23}, {"days": 6}, {"days": 23}])
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "America/New_York", "Europe/London", "Asia/Kolkata")]
)
MOMENTS = st.builds(
    lambda edge, zone: edge.astimezone(zone).isoformat(), st.sampled_from([*EDGES, *OTHER_EDGES]), ZONES
)


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
PROPERTY = (
    st.sampled_from([*SAMPLES, *NUMBERS, True, ["GB", "É"]])
    | st.dictionaries(RANGE, st.sampled_from(NUMBERS), min_size=1, max_size=2)
    | st.sampled_from([{"contains": "b"}, {"starts_with": "i"}, {"is_missing": True}, {"is_present": True}])
    | st.sampled_from([{"ne": "gb"}, {"not_in": ["gb", "3"]}, {"ne": True}])
)
PROPERTIES = st.dictionaries(st.sampled_from(["plan", "duration_ms"]), PROPERTY, min_size=1).map(
    lambda properties: {"properties": properties}
)
WHERE = st.one_of(WHERE, WHERE, PROPERTIES, st.builds(lambda one, other: one | other, WHERE, PROPERTIES))
KIND = st.one_of(
    st.sampled_from(TYPES).map(lambda kind: {"event": kind}),
    st.sampled_from([*NAMES, "tour  TAKEN", "Never Sent"]).map(
        lambda name: {"event": "custom", "name": name}
    ),
)
FEW = st.sampled_from([0, 1, 2, 3, 1999, 2000, 3998])
TOTALS = st.fixed_dictionaries(
    {},
    optional={
        "sum": st.builds(
            lambda of, bounds: {"of": of, **bounds},
            st.sampled_from(["value", "quantity"]),
            st.dictionaries(RANGE, FEW, min_size=1, max_size=2),
        ),
        "avg": st.builds(
            lambda of, bounds: {"of": of, **bounds},
            st.sampled_from(["value", "quantity"]),
            st.dictionaries(RANGE, FEW | st.sampled_from([1.5, 0.1, 1999.5]), min_size=1, max_size=2),
        ),
        "distinct": st.builds(
            lambda of, bounds: {"of": of, **bounds},
            st.sampled_from(["days", "products", "categories"]),
            st.sampled_from([{"gte": 2}, {"eq": 1}, {"lt": 2}, {"lte": 3, "gt": 0}, {"eq": 0}]),
        ),
    },
)
COUNTS = st.sampled_from(
    [{"gte": 1}, {"gte": 2}, {"eq": 0}, {"lte": 1}, {"gt": 0, "lt": 4}, {"eq": 2}, {"lt": 2}, 1]
)
NAMED = st.sampled_from(TYPES)


def _follower(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    followers = {"followed_by": inner, "not_followed_by": inner}
    further = st.fixed_dictionaries({}, optional={"where": WHERE, "within": STEP_SPANS, **followers})
    return st.builds(lambda kind, rest: kind | rest, KIND, further)


STEP = NAMED | st.recursive(NAMED | KIND, _follower, max_leaves=2)
FOLLOWED = st.fixed_dictionaries({}, optional={"followed_by": STEP, "not_followed_by": STEP})
HOW_OFTEN = st.one_of(
    st.just({}),
    COUNTS.map(lambda count: {"count": count}),
    st.sampled_from(["first", "last"]).map(lambda only: {"only": only}),
    TOTALS,
    st.builds(lambda count, totals: {"count": count, **totals}, COUNTS, TOTALS),
)
WINDOW = st.one_of(
    st.just({}),
    SPANS.map(lambda span: {"within": span}),
    SPANS.map(lambda span: {"before": span}),
    MOMENTS.map(lambda moment: {"before": moment}),
    st.just({"within": {"days": 30}, "before": {"days": 1}}),
    MOMENTS.map(lambda moment: {"within": {"days": 90}, "before": moment}),
    st.lists(MOMENTS, min_size=2, max_size=2, unique_by=datetime.fromisoformat).map(
        lambda pair: {"between": sorted(pair, key=datetime.fromisoformat)}
    ),
)


def _merged(*parts: Json) -> Json:
    return {key: value for part in parts for key, value in part.items()}


EVENT = st.builds(
    _merged, KIND, st.just({}) | WHERE.map(lambda where: {"where": where}), HOW_OFTEN, FOLLOWED, WINDOW
)
# One thing at a time, of what happens often: combined filters leave nobody whom a mistake could show on.
OFTEN = st.sampled_from(["product_viewed", "order_placed"]).map(lambda kind: {"event": kind})
SIMPLE_STEP = (
    NAMED
    | KIND
    | st.builds(
        lambda kind, rest: {"event": kind, **rest},
        NAMED,
        st.one_of(
            STEP_SPANS.map(lambda span: {"within": span}),
            STEP_SPANS.map(lambda span: {"within": span}),
            NAMED.map(lambda kind: {"followed_by": kind}),
            NAMED.map(lambda kind: {"not_followed_by": kind}),
            st.sampled_from([{"where": {"category": "camping"}}, {"where": {"value": {"gte": 1999}}}]),
        ),
    )
)
FOCUSED = st.builds(
    _merged,
    OFTEN | KIND,
    st.one_of(
        SIMPLE_STEP.map(lambda step: {"followed_by": step}),
        SIMPLE_STEP.map(lambda step: {"not_followed_by": step}),
        HOW_OFTEN,
        WHERE.map(lambda where: {"where": where}),
        PROPERTIES.map(lambda where: {"where": where}),
        st.just({}),
    ),
    st.just({}) | WINDOW,
)


def each_by_itself() -> list[Json]:
    """Every feature of events alone, on what happens often: what chance might not hit."""
    view, order = {"event": "product_viewed"}, {"event": "order_placed"}
    limits = [{}, *({"within": span} for span in ({"hours": 1}, {"days": 1}, {"days": 6}, {"days": 23}))]
    details = [{}, {"where": {"category": "camping"}}, {"not_followed_by": "email_clicked"}]
    kinds = [view, order, {"event": "custom", "name": "Tour Taken"}]
    followers = [kind | limit for kind in kinds for limit in limits] + [order | rest for rest in details]
    features: list[Json] = [
        {sign: follower} for sign in ("followed_by", "not_followed_by") for follower in followers
    ]
    features += [{"only": only} for only in ("first", "last")]
    for of in ("value", "quantity"):
        features += [{"sum": {"of": of, op: 2}} for op in ("gte", "lt")]
        features += [{"avg": {"of": of, op: 1.5}} for op in ("gte", "lt")]
    for of in ("days", "products", "categories"):
        features += [{"distinct": {"of": of, op: 2}} for op in ("gte", "lt")]
    features += [{"sum": {"of": "value", "lte": 2000}, "count": {"gte": 1}}]
    features += [{"where": {"properties": {"plan": "gb"}}}, {"where": {"properties": {"plan": 3}}}]
    windows: list[Json] = [{}, {"within": {"days": 7}}, {"before": {"days": 1}}]
    return [kind | feature | window for kind in kinds for feature in features for window in windows]


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
    _listed({"attribute": "nearest_store"}, ["s1", "S1", "LEEDS", "Dublin", "dublin", "nowhere"]),
    _comparison({"attribute": "nearest_store_km"}, ORDER, st.sampled_from([0, 9.9, 10, 10.05, -1]))
    | _presence({"attribute": "nearest_store_km"}),
    _text({"attribute": "nearest_store_region"}),
    _comparison({"fact": "orders_count"}, ORDER, st.sampled_from([-1, 0, 1, 2, *LARGE])),
    _comparison({"fact": "revenue_minor"}, ORDER, st.sampled_from([0, 1999, 10**12, *LARGE])),
    _time({"fact": "last_order_at"}),
    _listed({"fact": "last_purchase_category"}, PATHS),
    _listed({"fact": "last_viewed_product"}, ["p1", "p2", "p3"]),
    EVENT,
    EVENT,
    EVENT,
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
    st.sampled_from([{"stage": "churned"}, {"stage": ["active", "churned"]}, {"stage": "none"}]),
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
MARK = "ZQX-marker"
DAMAGES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.sampled_from([0, 1, -1, 1.0, 1.5, 10**15, 10**15 + 1, 101, 1e300]),
    st.sampled_from(["", "x", "eq", "within", "custom", "2026-02-30", "2026-13-01T99:00", "a\0b", "x" * 501]),
    st.sampled_from([[], ["x"], [1], ["x"] * 501, {}, {"days": 1}, {"gte": 1}, {"x": 1}, {"of": "value"}]),
    st.sampled_from([f"{MARK}' OR 1=1 --", f"%s {MARK}", f"{MARK}%", f'"{MARK}"; DROP TABLE x']),
    CONDITIONS,
)


def places(document, trail=()):
    yield trail
    if isinstance(document, dict | list):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(value, (*trail, key))


@st.composite
def damaged(draw):
    """A good condition with one to three places changed: a value replaced, taken away, or a key added."""
    document = {"all": [copy.deepcopy(draw(CONDITIONS))]}
    for _ in range(draw(st.integers(1, 3))):
        if not document:
            break
        *trail, last = draw(st.sampled_from([place for place in places(document) if place]))
        holder = document
        for key in trail:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                holder[last] = copy.deepcopy(draw(DAMAGES))
            case "remove":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["op", "within", "between", "only", "x", "count", "value"]))] = (
                    copy.deepcopy(draw(DAMAGES))
                )
    return document


MARKED = (
    "value",
    "category",
    "product",
    "currency",
    "source",
    "name",
    "segment",
    "stage",
    "score",
    "variant",
    "experiment",
    "contains",
    "starts_with",
    "ne",
)
MARKS = [f"{MARK}' OR 1=1 --", f"%s {MARK} %(x)s", f"{MARK}%", f'"{MARK}"; DROP TABLE x', f"$1 {MARK}\\"]


@st.composite
def marked(draw):
    """A condition whose texts are attempts to break out of a query; half of them damaged beside that."""
    document = copy.deepcopy(draw(damaged() if draw(st.booleans()) else CONDITIONS))
    mark = st.sampled_from(MARKS)
    for place in reversed([place for place in places(document) if place]):
        holder = document
        for key in place[:-1]:
            holder = holder[key]
        last, found = place[-1], holder[place[-1]]
        if last in MARKED and isinstance(found, str):
            holder[last] = draw(mark)
        elif last in MARKED and isinstance(found, list):
            holder[last] = [draw(mark) if isinstance(one, str) else one for one in found]
        elif last == "attribute" and str(found).startswith("attributes."):
            holder[last] = f"attributes.{draw(mark)}"
        elif last == "properties" and isinstance(found, dict):
            holder[last] = {f"{draw(mark)}{name}": tests for name, tests in found.items()}
    return document
