"""The light of each source, and the figures about everybody."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from customers.consent import grant
from customers.models import Customer, CustomerFacts, DataSource, FieldUse, HealthFigures, SyncRun
from customers.quality.figures import compute_figures, latest_figures, tell_field_uses, used_fields
from customers.quality.health import SourceHealth, all_sources, feeding
from customers.quality.sources import fields_fed
from tests.customers.reading import MAPPING, line, promising, read

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


def ran(source: str = "shop", *, hours: float = 1, **values: object) -> SyncRun:
    at = AT - timedelta(hours=hours)
    return SyncRun.objects.create(**{"source": source, "status": "succeeded", "started_at": at} | values)


def health(name: str = "shop") -> SourceHealth:
    with time_machine.travel(AT, tick=False):
        return next(one for one in all_sources() if one.name == name)


def reasons(one: SourceHealth) -> list[tuple[str, str, str]]:
    return [(reason.light, reason.cause, reason.sentence) for reason in one.reasons]


def test_a_source_that_was_read_well_is_good() -> None:
    ran(rows_in=3, inserted=3)
    assert (health().light, health().reasons, health().books.kept) == ("green", [], 3)


def test_a_source_whose_last_run_failed_is_bad_and_says_why() -> None:
    ran(hours=2)
    ran(status="failed", error="503 from the shop")
    assert reasons(health()) == [("red", "failed", "The last run failed: 503 from the shop")]
    assert health().last_good_at == AT - timedelta(hours=2)


def test_a_source_that_recovered_is_good() -> None:
    ran(hours=2, status="failed", error="503")
    ran()
    assert health().light == "green"


def test_a_run_under_way_changes_no_light() -> None:
    ran(hours=2)
    ran(status="running")
    assert health().light == "green"


@pytest.mark.parametrize(("hours", "light"), [(0.7, "green"), (0.8, "red")])
def test_a_source_is_late_after_three_turns(hours, light) -> None:
    DataSource.objects.create(name="shop", due_every=timedelta(minutes=15))
    ran(hours=hours)
    assert health().light == light


def test_lateness_is_told_in_days() -> None:
    DataSource.objects.create(name="shop", due_every=timedelta(minutes=15))
    ran(hours=72)
    assert reasons(health()) == [
        (
            "red",
            "late",
            "Its data is 3 days old: it should be read every 15 minutes, and was last read well 3 days ago.",
        )
    ]


@pytest.mark.parametrize("values", [{"due_every": None}, {"is_watched": False}])
def test_nobody_waits_for_a_source_without_schedule_or_switched_off(values) -> None:
    DataSource.objects.create(**{"name": "shop", "due_every": timedelta(minutes=15)} | values)
    ran(hours=500)
    assert health().light == "green"


def test_a_source_that_was_declared_but_never_read_should_be_looked_at() -> None:
    DataSource.objects.create(name="shop", due_every=timedelta(minutes=15))
    assert (health().light, health().books, health().last_good_at) == ("amber", None, None)


@pytest.mark.parametrize(("level", "light"), [("note", "green"), ("warn", "amber"), ("error", "red")])
def test_findings_colour_the_light_until_newer_rows_come(level, light) -> None:
    finding = {"level": level, "about": "columns", "sentence": "Column x is new."}
    ran(hours=3, rows_in=1, inserted=1, findings=[finding])
    ran(hours=2)
    assert health().light == light
    ran(rows_in=1, inserted=1)
    assert health().light == "green"


def test_too_few_rows_are_told_by_a_run_that_read_none() -> None:
    few = {"level": "error", "about": "volume", "sentence": "0 rows this Tuesday."}
    ran(hours=3, rows_in=1, inserted=1, findings=[few | {"sentence": "old"}])
    ran(hours=2, findings=[few])
    assert reasons(health()) == [("red", "volume", "0 rows this Tuesday.")]


def test_a_source_grows_stale_without_a_run() -> None:
    mapping = promising({"freshness": {"hours": 48}, "level": "error"})
    DataSource.objects.create(name="shop", mapping=mapping)
    ran(rows_in=1, inserted=1, watermark=AT - timedelta(hours=72))
    assert reasons(health()) == [
        ("red", "stale", "The newest row is 3 days old; at most 2 days is expected.")
    ]


def test_rows_in_quarantine_make_a_source_worth_a_look(tmp_path) -> None:
    rows = [line(number) for number in range(9)]
    read([*rows, line(10, at="never")], folder=tmp_path)
    assert [one for one in reasons(health()) if one[1] == "quarantine"] == [
        ("amber", "quarantine", "1 row waits in quarantine.")
    ]
    assert (health().light, health().waiting) == ("amber", 1)


def test_the_worst_source_stands_first() -> None:
    ran("a")
    ran("b", status="failed")
    ran("c", findings=[{"level": "warn", "about": "rows", "sentence": "x"}], rows_in=1, inserted=1)
    with time_machine.travel(AT, tick=False):
        assert [one.name for one in all_sources()] == ["b", "c", "a"]


def test_any_number_of_sources_takes_four_queries(django_assert_num_queries) -> None:
    for number in range(30):
        ran(f"s{number}")
    with django_assert_num_queries(4):
        assert len(all_sources()) == 30


def test_a_mapping_feeds_its_customers_fields_and_the_facts_of_its_events() -> None:
    fed = fields_fed(MAPPING)
    assert {"email", "country", "attributes.club", "orders_count", "event.order_line", "last_seen_at"} <= fed
    assert not {"first_name", "views_count", "event.product_viewed"} & fed


def test_only_sources_in_doubt_that_feed_a_field_are_named() -> None:
    for name in ("good", "bad", "other"):
        DataSource.objects.create(name=name, mapping={} if name == "other" else MAPPING)
    ran("good")
    ran("bad", status="failed")
    ran("other", status="failed")
    assert [one.name for one in feeding({"country", "shoe"})] == ["bad"]


def people() -> None:
    made = Customer.objects.bulk_create(
        [
            Customer(email="a@b.example", first_name="Ann", attributes={"club": "gold"}),
            Customer(email="c@d.example", birth_date="1990-01-01"),
            Customer(email="e@f.example", first_name="Eve"),
            Customer(first_name="Noone"),
            Customer(is_anonymous=True),
        ]
    )
    CustomerFacts.objects.create(customer=made[0], last_order_at=AT)
    grant([made[0].pk, made[1].pk], source="test")


def test_the_figures_count_known_customers_by_what_may_be_done() -> None:
    people()
    figures = compute_figures()
    assert (figures.customers, figures.without_address, figures.without_consent, figures.audience) == (
        4,
        1,
        1,
        2,
    )


def test_fields_in_use_are_counted_empty_among_those_who_may_be_mailed() -> None:
    people()
    used = (
        "first_name",
        "birth_date",
        "attributes.club",
        "last_order_at",
        "orders_count",
        "event.order_line",
        "timezone",
    )
    tell_field_uses("campaign", [(1, "Spring", used), (2, "Autumn", ["first_name"])])
    assert compute_figures().empty == {
        "attributes.club": 1,
        "birth_date": 1,
        "first_name": 1,
        "last_order_at": 1,
        "timezone": 2,
    }
    by_name = {one.name: one for one in used_fields(latest_figures())}
    assert (by_name["first_name"].share, by_name["first_name"].users) == (0.5, ["Autumn", "Spring"])
    assert by_name["timezone"].is_bad


def test_an_attribute_may_be_named_anything() -> None:
    people()
    name = "attributes.a'b\"; DROP %s %% {x}"
    tell_field_uses("campaign", [(1, "Spring", [name])])
    assert compute_figures().empty == {name: 2}


def test_the_figures_are_one_row_that_is_counted_when_it_is_missing() -> None:
    people()
    latest_figures()
    Customer.objects.create(email="new@b.example")
    assert latest_figures().customers == 4
    compute_figures()
    assert (latest_figures().customers, HealthFigures.objects.count()) == (5, 1)


def test_uses_that_are_over_are_forgotten_and_other_kinds_stay() -> None:
    tell_field_uses("rule_set", [(1, "Rules", ["country"])])
    tell_field_uses("campaign", [(1, "Spring", ["city", "country"]), (2, "Autumn", ["city"])])
    tell_field_uses("campaign", [(2, "Late autumn", ["city", "region"])])
    uses = FieldUse.objects.order_by("user_kind", "user_id", "field")
    assert list(uses.values_list("label", "field")) == [
        ("Late autumn", "city"),
        ("Late autumn", "region"),
        ("Rules", "country"),
    ]
