"""Conditions as English sentences."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from common.money import format_money
from customers.models import EventType
from segments.conditions.countries import COUNTRIES
from segments.conditions.needs import as_texts
from segments.conditions.nodes import (
    AllOf,
    AnyOf,
    Assigned,
    Comparison,
    Condition,
    Consented,
    Happened,
    InSegment,
    InStage,
    Not,
    Scored,
    Step,
    Total,
    Where,
)
from segments.conditions.vocabulary import Kind

# (has, has not, noun for one, noun for several)
EVENT_WORDS: dict[EventType, tuple[str, str, str]] = {
    EventType.PRODUCT_VIEWED: ("viewed", "a product", "products"),
    EventType.PAGE_VIEWED: ("viewed", "a page", "pages"),
    EventType.PRODUCT_ADDED: ("put", "a product into the cart", "products into the cart"),
    EventType.CART_UPDATED: ("changed the cart", "", "times"),
    EventType.ORDER_PLACED: ("placed", "an order", "orders"),
    EventType.ORDER_LINE: ("bought", "a product", "products"),
    EventType.ORDER_REFUNDED: ("got", "a refund", "refunds"),
    EventType.SEARCHED: ("searched", "", "times"),
    EventType.EMAIL_SENT: ("been sent", "an e-mail", "e-mails"),
    EventType.EMAIL_OPENED: ("opened", "an e-mail", "e-mails"),
    EventType.EMAIL_CLICKED: ("clicked in", "an e-mail", "e-mails"),
    EventType.EMAIL_BOUNCED: ("had bounced", "an e-mail", "e-mails"),
    EventType.EMAIL_COMPLAINED: ("marked as spam", "an e-mail", "e-mails"),
    EventType.EMAIL_UNSUBSCRIBED: ("unsubscribed", "", "times"),
    EventType.SOCIAL_INTERACTION: ("interacted on social media", "", "times"),
    EventType.CUSTOM: ("done something else", "", "times"),
}
_TEXT = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "contains": "contains",
    "starts_with": "starts with",
}
_NUMBER = {
    "eq": "exactly",
    "ne": "anything but",
    "gt": "more than",
    "gte": "at least",
    "lt": "fewer than",
    "lte": "at most",
}

_TOTALS = {
    ("sum", "value_minor"): "their value in total",
    ("sum", "quantity"): "the number of pieces",
    ("avg", "value_minor"): "their value on average",
    ("avg", "quantity"): "the number of pieces on average",
    ("distinct", "occurred_at"): "the number of different days",
    ("distinct", "product_id"): "the number of different products",
    ("distinct", "category_id"): "the number of different categories",
}


def describe(condition: Condition, *, currency: str | None = None) -> str:
    """Return the condition as a sentence about a customer, without a full stop.

    With a currency, amounts are written as money; without, as bare minor units.
    """
    sentence = _Wording(currency).clause(condition)
    return sentence[0].upper() + sentence[1:]


class _Wording:
    def __init__(self, currency: str | None) -> None:
        self.currency = currency

    def clause(self, condition: Condition, *, negated: bool = False) -> str:
        match condition:
            case AllOf(parts):
                return self._group(parts, " and ", negated, empty="everybody")
            case AnyOf(parts):
                return self._group(parts, " or ", negated, empty="nobody")
            case Not(part):
                return self.clause(part, negated=not negated)
            case Comparison():
                return self._comparison(condition, negated)
            case Happened():
                return self._happened(condition, negated)
            case Scored():
                return self._scored(condition, negated)
            case InSegment(key):
                return f"is {'not ' if negated else ''}in the segment “{key}”"
            case InStage(keys):
                stages = _either([f"“{key}”" for key in keys])
                return f"is {'not ' if negated else ''}in the stage {stages}"
            case Consented(purpose):
                return f"has {'not ' if negated else ''}consented to {purpose.replace('_', ' ')}"
            case Assigned(experiment, variant):
                which = f"variant “{variant}” of " if variant is not None else ""
                return f"is {'not ' if negated else ''}in {which}the experiment “{experiment}”"

    def _group(self, parts: tuple[Condition, ...], word: str, negated: bool, *, empty: str) -> str:
        if not parts:
            return f"not {empty}" if negated else empty
        if len(parts) == 1:
            return self.clause(parts[0], negated=negated)
        inner = word.join(self._nested(part, word) for part in parts)
        return f"it is not so that ({inner})" if negated else inner

    def _nested(self, part: Condition, word: str) -> str:
        text = self.clause(part)
        mixes = isinstance(part, AllOf | AnyOf) and len(part.parts) > 1
        same = (isinstance(part, AllOf) and word == " and ") or (isinstance(part, AnyOf) and word == " or ")
        return f"({text})" if mixes and not same else text

    def _comparison(self, condition: Comparison, negated: bool) -> str:
        field, op = condition.field, condition.op
        label = field.label
        if op in ("is_missing", "is_present"):
            return f"{label} is {'not known' if (op == 'is_missing') is not negated else 'known'}"
        if field.name == "country" and op in ("eq", "in", "ne", "not_in"):
            turned = (op in ("ne", "not_in")) is not negated
            places = [COUNTRIES.get(code.upper(), code) for code in as_texts(condition.value)]
            verb = "lives" if not turned else "does not live"
            return f"{verb} in {_either(places)}"
        value = self._value(condition)
        match field.kind:
            case Kind.BOOLEAN:
                holds = bool(condition.value) is not negated
                return label if holds else f"does not {label.replace('allows', 'allow')}"
            case Kind.COUNT | Kind.NUMBER:
                text = f"{label} is {_NUMBER[op].replace('fewer', 'less')} {value}"
            case Kind.TIME | Kind.DATE:
                text = f"{label} was {_when(op, value)}"
            case _ if isinstance(condition.value, Decimal):
                text = f"{label} is {_NUMBER[op].replace('fewer', 'less')} {value}"
            case _:
                text = f"{label} {_TEXT[op]} {value}"
        return f"it is not so that {text}" if negated else text

    def _value(self, condition: Comparison) -> str:
        value = condition.value
        if condition.field.is_money and isinstance(value, int):
            return self._money(value)
        match value:
            case bool():
                return "true" if value else "false"
            case timedelta():
                return span(value)
            case datetime() | date():
                return _moment(value)
            case str() | tuple():
                return _either([f"“{text}”" for text in as_texts(value)])
            case int() | Decimal():
                return f"{value:,}"
        return ""

    def _money(self, amount_minor: int) -> str:
        return format_money(amount_minor, self.currency) if self.currency else f"{amount_minor:,} minor units"

    def _happened(self, condition: Happened, negated: bool) -> str:
        if condition.pick is not None or condition.totals:
            return self._reckoned(condition, negated)
        verb, one, several = _words(condition)
        least, most = condition.least, condition.most
        if (least, most) == (0, 0):
            least, most, negated = 1, None, not negated
        amount = one if (least, most) == (1, None) else f"{_often(least, most)} {several}"
        has = "has not" if negated else "has"
        return _joined(
            has, verb, amount, self._where(condition.where), _window(condition), self._then(condition)
        )

    def _reckoned(self, condition: Happened, negated: bool) -> str:
        """Say what the events add up to, or what the first or last of them was like."""
        verb, one, several = _words(condition)
        what = _joined(
            "has", verb, one, self._where(condition.where), _window(condition), self._then(condition)
        )
        if condition.pick is not None:
            text = f"{what}, and that was the {condition.pick} time" + (
                " so far" if condition.pick == "last" else ""
            )
        else:
            limits = (
                []
                if (condition.least, condition.most) == (0, None)
                else [f"their number is {_often(condition.least, condition.most)}"]
            )
            limits += [self._total(total) for total in condition.totals]
            events = _joined(
                verb, several, self._where(condition.where), _window(condition), self._then(condition)
            )
            text = f"of all times they {events}, {' and '.join(limits)}"
        return f"it is not so that {text}" if negated else text

    def _total(self, total: Total) -> str:
        limits = [
            f"{_NUMBER[op].replace('fewer', 'less')} {self._amount(total, bound)}"
            for op, bound in total.bounds
        ]
        return f"{_TOTALS[total.measure, total.of]} is {' and '.join(limits)}"

    def _amount(self, total: Total, bound: int | Decimal) -> str:
        if total.of != "value_minor":
            return f"{bound:,}"
        return self._money(int(bound)) if bound == int(bound) else f"{bound:,} minor units"

    def _then(self, event: Happened | Step) -> str:
        parts = []
        if event.followed_by is not None:
            parts.append(f"and then {self._step(event.followed_by, event)}")
        if event.not_followed_by is not None:
            since = " since" if event.not_followed_by.within is None else ""
            parts.append(f"without having {self._step(event.not_followed_by, event)}{since}")
        return " ".join(parts)

    def _step(self, step: Step, earlier: Happened | Step) -> str:
        verb, one, _ = _words(step)
        limit = "" if step.within is None else f"within {span(step.within)}"
        again = "again" if step.kind == earlier.kind else ""
        return _joined(verb, one, self._where(step.where), again, limit, self._then(step))

    def _where(self, where: Where) -> str:
        parts = []
        if where.categories is not None:
            parts.append(f"in {_either([f'“{path}”' for path in where.categories])}")
        if where.products is not None:
            parts.append(f"with product {_either(list(where.products))}")
        for op, bound in where.value_minor:
            parts.append(f"worth {_NUMBER[op].replace('fewer', 'less')} {self._money(bound)}")
        for op, bound in where.quantity:
            parts.append(f"of {_NUMBER[op]} {bound:,} pieces")
        if where.currency is not None:
            parts.append(f"in {where.currency}")
        if where.source is not None:
            parts.append(f"from the source {where.source}")
        if where.properties:
            parts.append(f"where {' and '.join(self._comparison(test, False) for test in where.properties)}")
        return " ".join(parts)

    def _scored(self, condition: Scored, negated: bool) -> str:
        number = f"{condition.value:g}"
        if condition.op.endswith("percent"):
            end = condition.op.split("_")[0]
            return f"is {'not ' if negated else ''}in the {end} {number} % by {condition.kind}"
        text = f"{condition.kind} score is {_NUMBER[condition.op].replace('fewer', 'less')} {number}"
        return f"it is not so that {text}" if negated else text


def _words(event: Happened | Step) -> tuple[str, str, str]:
    return (
        EVENT_WORDS[event.type]
        if event.name is None
        else ("done", f"“{event.name}”", f"times “{event.name}”")
    )


def _often(least: int, most: int | None) -> str:
    if least == most:
        return f"exactly {least}"
    if most is None:
        return f"at least {least}"
    return f"at most {most}" if least == 0 else f"{least} to {most}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _window(condition: Happened) -> str:
    if condition.within is not None:
        text = f"in the last {span(condition.within, counted=False)}"
        if condition.before is not None:
            return f"{text}, but more than {span(condition.before)} ago"
        return f"{text}, but before {_moment(condition.until)}" if condition.until is not None else text
    if condition.before is not None:
        return f"more than {span(condition.before)} ago"
    if condition.since is None and condition.until is not None:
        return f"before {_moment(condition.until)}"
    if condition.since is not None and condition.until is not None:
        return f"from {_moment(condition.since)} until before {_moment(condition.until)}"
    return ""


def _when(op: str, value: str) -> str:
    return {
        "within": f"within the last {value}",
        "older_than": f"more than {value} ago",
        "before": f"before {value}",
        "after": f"on or after {value}",
    }[op]


def _moment(value: date) -> str:
    day = f"{value.day} {value:%B %Y}"
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) != (0, 0, 0):
        return f"{day} {value:%H:%M} UTC"
    return day


def span(value: timedelta, *, counted: bool = True) -> str:
    """Return a span in its largest whole unit: "90 days"; uncounted, "day" rather than "1 day"."""
    minutes = value // timedelta(minutes=1)
    units = ((1440, "day"), (60, "hour"), (1, "minute"))
    size, unit = next((size, unit) for size, unit in units if minutes % size == 0)
    amount = minutes // size
    if amount == 1:
        return f"1 {unit}" if counted else unit
    return f"{amount:,} {unit}s"
