"""Whatever happens in whatever order: what changed is read anew, and the sums are those of a rebuild."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from campaigns.models import Campaign
from customers.models import ExchangeRate, Order, OrderLine
from delivery.models import Message, MessageEvent
from products.models import Product
from reports import refreshing
from reports.models import (
    Attribution,
    CampaignFigures,
    Change,
    DayFigures,
    MessageFact,
    MessagePart,
    PartFigures,
    ReportSettings,
)
from reports.refreshing import LOCK, ask_for_attribution_anew, rebuild, refresh
from reports.upkeep import bring_up_to_date
from tests.campaigns.making import launched, people
from tests.reports.mailing import DAY, HOUR, START, buyers, dispatch, hit, mail, order

pytestmark = pytest.mark.django_db
TABLES: tuple[type[Model], ...] = (Attribution, MessageFact, MessagePart, DayFigures, PartFigures)
Stored = dict[str, set[tuple[object, ...]]]


def stored() -> Stored:
    """Everything that reports keep of messages, without the rows' own ids."""
    found = {}
    for table in TABLES:
        names = [field.attname for field in table._meta.concrete_fields if field.attname != "id"]
        rows = list(table.objects.values_list(*names))  # type: ignore[attr-defined]
        assert len(rows) == len(set(rows))
        found[table.__name__] = set(rows)
    return found


def rebuilt() -> Stored:
    """The same from nothing but the raw rows."""
    for table in TABLES:
        table.objects.all().delete()  # type: ignore[attr-defined]
    rebuild()
    return stored()


class History:
    """A shop in which something happens by chance."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.people = buyers(4)
        self.product = Product.objects.create(source="shop", external_id="tent", name="Tent")
        ExchangeRate.objects.create(day=START.date(), currency="USD", rate=2)
        piles = [dispatch("One"), dispatch("Two", kind="journey"), dispatch("Test", kind="test")]
        for pile in piles:
            for person in self.people:
                mail(
                    person,
                    pile,
                    at=self._moment(3),
                    variant=self.random.choice("ab"),
                    resolved=self._resolved(),
                )

    def happen(self) -> None:
        """One thing, whatever it is."""
        acts: list[Callable[[], object]] = [
            *[self._react] * 6,
            *[self._buy] * 4,
            self._judge_anew,
            self._refund,
            self._correct_order,
            self._lose,
            self._merge,
            self._send_late,
            self._change_line,
            self._change_line,
            self._change_rate,
        ]
        self.random.choice(acts)()

    def _react(self) -> None:
        kinds = ["opened", "opened", "clicked", "clicked", "clicked", "bounced", "complained", "unsubscribed"]
        is_machine = self.random.random() < 0.2
        hit(self._any(Message), self.random.choice(kinds), self._moment(20), is_machine=is_machine)

    def _buy(self) -> None:
        currency = self.random.choice([settings.REPORTING_CURRENCY, "USD"])
        total = self.random.randint(0, 9_999)
        bought = order(self.random.choice(self.people), self._moment(25), total, currency=currency)
        bought.lines.create(line="1", product=None, quantity=1, unit_price_minor=total, total_minor=total)

    def _change_line(self) -> None:
        if (found := self._any(OrderLine)) is None:
            return
        if self.random.random() < 0.3:
            found.delete()
        else:
            product = self.random.choice([self.product, None])
            OrderLine.objects.filter(pk=found.pk).update(
                product=product, total_minor=self.random.randint(1, 999)
            )

    def _change_rate(self) -> None:
        rate, day = self.random.randint(50, 150) / 100, self._moment(25).date()
        found = self._any(ExchangeRate)
        if found is None or self.random.random() < 0.5:
            ExchangeRate.objects.update_or_create(day=day, currency="USD", defaults={"rate": rate})
        elif self.random.random() < 0.3:
            found.delete()
        elif not ExchangeRate.objects.filter(day=day).exists():
            ExchangeRate.objects.filter(pk=found.pk).update(day=day, rate=rate)

    def _judge_anew(self) -> None:
        if found := self._any(MessageEvent):
            MessageEvent.objects.filter(pk=found.pk).update(is_machine=not found.is_machine)

    def _refund(self) -> None:
        if found := self._any(Order):
            Order.objects.filter(pk=found.pk).update(refunded_minor=found.total_minor // 3)

    def _correct_order(self) -> None:
        if found := self._any(Order):
            Order.objects.filter(pk=found.pk).update(
                placed_at=self._moment(25), customer=self.random.choice(self.people)
            )

    def _lose(self) -> None:
        if found := self._any(self.random.choice([MessageEvent, Order])):
            found.delete()

    def _merge(self) -> None:
        message = self._any(Message)
        Message.objects.filter(pk=message.pk).update(customer=self.random.choice(self.people))

    def _send_late(self) -> None:
        message = self._any(Message)
        state = self.random.choice(["sent", "unknown"])
        Message.objects.filter(pk=message.pk).update(state=state, sent_at=self._moment(4))

    def _any(self, table: type[Model]) -> Any:
        rows = list(table.objects.order_by("pk"))  # type: ignore[attr-defined]
        return self.random.choice(rows) if rows else None

    def _moment(self, days: int) -> datetime:
        return START + self.random.random() * timedelta(days=days)

    def _resolved(self) -> object:
        rules = self.random.sample(["hero: a", "hero: b", "footer: c"], self.random.randint(0, 2))
        return {"rules_fired": rules, "recommendations": [{"id": self.product.pk, "strategy": "for_you"}]}


@pytest.mark.parametrize("rule", ReportSettings.Rule.values)
def test_increments_equal_a_rebuild_whatever_happens(rule: str) -> None:
    ReportSettings.objects.create(rule=rule, click_window_days=5, open_window_days=2)
    history = History(seed=10)
    for step in range(60):
        history.happen()
        if step % 12 == 0:
            refresh(batch=history.random.choice([3, 5_000]))
    refresh()
    grown = stored()
    assert grown["Attribution"]
    assert grown == rebuilt()


def test_nothing_is_read_twice_and_nothing_is_left() -> None:
    [reader] = buyers(1)
    refresh()
    hit(mail(reader, dispatch()), "opened", START + HOUR)
    assert refresh() == 2
    assert (Change.objects.count(), refresh()) == (0, 0)


def test_what_is_told_late_counts_on_its_own_day() -> None:
    [reader] = buyers(1)
    message = mail(reader, dispatch())
    refresh()
    hit(message, "clicked", START + 2 * DAY)
    hit(message, "clicked", START + DAY)
    refresh()
    clicked = DayFigures.objects.exclude(clicked=0).values_list("day", "clicked")
    assert list(clicked) == [((START + DAY).date(), 1)]


def test_a_verdict_made_anew_takes_the_click_and_its_order_back() -> None:
    [reader] = buyers(1)
    message = mail(reader, dispatch())
    click = hit(message, "clicked", START + HOUR)
    order(reader, START + DAY, 900, currency=settings.REPORTING_CURRENCY)
    refresh()
    assert (MessageFact.objects.get().order_parts, MessageFact.objects.get().revenue_minor) == (
        1_000_000,
        900,
    )
    MessageEvent.objects.filter(pk=click.pk).update(is_machine=True, verdict="told")
    refresh()
    fact = MessageFact.objects.get()
    assert (fact.clicked_on, fact.order_parts, fact.revenue_minor, fact.client) == (None, 0, 0, "")
    assert not DayFigures.objects.exclude(clicked=0, order_parts=0).exists()


def test_an_erased_readers_domain_goes_and_the_program_stays_counted() -> None:
    reader, _ = buyers(2)
    message = mail(reader, dispatch(), resolved={"rules_fired": ["hero: a"]})
    opening = hit(message, "opened", START + HOUR, agent="Thunderbird/140")
    refresh()
    assert MessageFact.objects.get().domain == "two.example"
    Message.objects.filter(pk=message.pk).update(recipient="", resolved=None)
    MessageEvent.objects.filter(pk=opening.pk).update(user_agent="")
    refresh()
    told = PartFigures.objects.order_by("dimension").values_list("dimension", "key", "sent")
    assert list(told) == [
        ("client", "Thunderbird", 1),
        ("domain", "", 1),
        ("rule", "hero: a", 1),
        ("stage", "active", 1),
    ]
    before = stored()
    rebuild()
    assert stored() == before


def test_mails_of_older_versions_without_strategies_stop_nothing() -> None:
    [reader] = buyers(1)
    old = [
        {"id": 1},
        {"id": "tent", "strategy": "for_you"},
        {"strategy": "for_you"},
        {"id": 2, "strategy": None},
    ]
    mail(reader, dispatch(), resolved={"recommendations": [*old, {"id": 3, "strategy": "bestsellers"}]})
    refresh()
    assert list(MessagePart.objects.values_list("key", "shown")) == [("bestsellers", 1)]


def test_what_changes_while_it_refreshes_is_left_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, pile = buyers(1)[0], dispatch()
    refresh()
    for _ in range(3):
        mail(reader, pile)
    take_in = refreshing._take_in

    def busy_house(*given: object) -> None:
        take_in(*given)  # type: ignore[arg-type]
        mail(reader, pile)

    monkeypatch.setattr(refreshing, "_take_in", busy_house)
    assert refreshing.take_in_changes(batch=1, seconds=None) == refreshing.Refreshed(3, is_more=False)
    assert Change.objects.count() == 3


def test_after_its_time_it_says_that_there_is_more_and_not_that_all_is_counted() -> None:
    reader, pile = buyers(1)[0], dispatch()
    refresh()
    before = ReportSettings.objects.get().refreshed_at
    for _ in range(2):
        mail(reader, pile)
    assert refreshing.take_in_changes(batch=1, seconds=0) == refreshing.Refreshed(1, is_more=True)
    assert ReportSettings.objects.get().refreshed_at == before
    assert refreshing.take_in_changes().changes == 1
    assert ReportSettings.objects.get().refreshed_at > before


def test_settings_that_were_saved_before_anything_was_counted_do_not_spare_the_rebuild() -> None:
    mail(buyers(1)[0], dispatch())
    Change.objects.all().delete()
    ReportSettings.objects.create(attributed_version=1)
    assert refreshing.take_in_changes().changes == 0
    assert refreshing.rebuild_if_needed() == 1
    assert ReportSettings.objects.get().refreshed_at is not None


def test_an_order_that_goes_makes_only_campaigns_stale_in_whose_window_it_was() -> None:
    people(30)
    spring, summer = launched("Spring", no_mail=30)[0], launched("Summer", no_mail=30)[0]
    Campaign.objects.filter(pk=summer.pk).update(launched_at=START - 90 * DAY, last_due_at=START - 90 * DAY)
    Campaign.objects.filter(pk=spring.pk).update(launched_at=START, last_due_at=START)
    bought = order(spring.recipients.order_by("pk")[0].customer, START + DAY)
    bring_up_to_date()
    bought.delete()
    refresh()
    assert [one.campaign for one in CampaignFigures.objects.filter(is_stale=True)] == [spring]


def test_a_changed_rule_is_applied_to_the_past_by_the_next_refresh() -> None:
    [reader] = buyers(1)
    refresh()
    hit(mail(reader, dispatch()), "opened", START + HOUR)
    order(reader, START + 2 * HOUR, currency=settings.REPORTING_CURRENCY)
    refresh()
    assert not Attribution.objects.exists()
    ReportSettings.objects.update(rule="last_touch")
    ask_for_attribution_anew()
    refresh()
    assert Attribution.objects.get().order_parts == 1_000_000
    assert ReportSettings.objects.get().is_attributed


@pytest.fixture
def busy() -> Iterator[BaseDatabaseWrapper]:
    """Somebody else who refreshes, in a transaction that lasts until `rollback`."""
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        assert cursor.fetchone() == (True,)
    yield other
    other.close()


def test_while_another_one_refreshes_nothing_is_claimed(busy: BaseDatabaseWrapper) -> None:
    ReportSettings.objects.create(attributed_version=1, refreshed_at=START)
    mail(buyers(1)[0], dispatch())
    assert refresh() == 0
    assert (Change.objects.count(), ReportSettings.objects.get().refreshed_at) == (1, START)
    busy.rollback()
    assert refresh() == 1


def test_a_new_house_is_rebuilt_once_and_not_by_two_at_a_time(busy: BaseDatabaseWrapper) -> None:
    mail(buyers(1)[0], dispatch())
    assert (refresh(), ReportSettings.objects.get().is_attributed) == (0, False)
    busy.rollback()
    assert (refresh(), refresh()) == (1, 0)
    assert ReportSettings.objects.get().is_attributed


def test_an_imported_history_notes_nothing() -> None:
    refresh()
    [stranger] = buyers(1)
    order(stranger, START)
    assert not Change.objects.exists()
