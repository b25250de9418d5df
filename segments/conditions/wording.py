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
    Not,
    Scored,
    Where,
)
from segments.conditions.vocabulary import Kind

# (has, has not, noun for one, noun for several)
EVENT_WORDS: dict[EventType, tuple[str, str, str]] = {
    EventType.PRODUCT_VIEWED: ("viewed", "a product", "products"),
    EventType.PAGE_VIEWED: ("viewed", "a page", "pages"),
    EventType.PRODUCT_ADDED: ("put into the cart", "a product", "products"),
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
            case Kind.COUNT:
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
        verb, one, several = EVENT_WORDS[condition.type]
        least, most = condition.least, condition.most
        if (least, most) == (0, 0):
            least, most, negated = 1, None, not negated
        has = "has not" if negated else "has"
        if (least, most) == (1, None):
            amount = one
        elif least == most:
            amount = f"exactly {least} {several}"
        elif most is None:
            amount = f"at least {least} {several}"
        elif least == 0:
            amount = f"at most {most} {several}"
        else:
            amount = f"{least} to {most} {several}"
        parts = [has, verb, amount, self._where(condition.where), _window(condition)]
        if condition.not_followed_by is not None:
            then, a, _ = EVENT_WORDS[condition.not_followed_by]
            parts.append(f"without having {then} {a} since".replace("  ", " "))
        return " ".join(part for part in parts if part)

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
        return " ".join(parts)

    def _scored(self, condition: Scored, negated: bool) -> str:
        number = f"{condition.value:g}"
        if condition.op.endswith("percent"):
            end = condition.op.split("_")[0]
            return f"is {'not ' if negated else ''}in the {end} {number} % by {condition.kind}"
        text = f"{condition.kind} score is {_NUMBER[condition.op].replace('fewer', 'less')} {number}"
        return f"it is not so that {text}" if negated else text


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _window(condition: Happened) -> str:
    if condition.within is not None:
        return f"in the last {span(condition.within, counted=False)}"
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
