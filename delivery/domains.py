"""The pace of recipients' domains: a rate, a rest after a refusal, and what has to wait spread over its time."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Greatest, Now

from customers.models import Alert
from customers.quality.alerts import raise_alert
from delivery import outcomes, pacing
from delivery.models import DomainPace
from delivery.outbox import Claimed

POLICY_REST = timedelta(hours=1)
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=30)
STEPS = 10


def domain_of(address: str) -> str:
    """The domain of an address, in small letters."""
    return address.rpartition("@")[2].lower()


def within_pace(claimed: Sequence[Claimed]) -> list[Claimed]:
    """Put back what its domain does not take now, each for its own time; returns the others. One query if all go."""
    by_domain: dict[str, list[Claimed]] = defaultdict(list)
    for one in claimed:
        by_domain[domain_of(one.recipient)].append(one)
    held: set[int] = set()
    paces = DomainPace.objects.filter(domain__in=sorted(by_domain)).order_by("domain")
    rests = Greatest(F("resting_until") - Now(), Value(timedelta()))
    for domain, rate, reason, resting in paces.values_list("domain", "rate_per_second", "reason", rests):
        waiting = by_domain[domain]
        if resting:
            outcomes.return_unsent(waiting, delay=resting, reason=f"{domain} rests: {reason}")
        elif rate is not None:
            taken = pacing.take(f"domain:{domain}", rate_per_second=rate, wanted=len(waiting))
            waiting = waiting[taken:]
            _spread(domain, rate, waiting)
        else:
            continue
        held |= {one.id for one in waiting}
    return [one for one in claimed if one.id not in held]


def rest(domain: str, *, reason: str, lasting: timedelta) -> None:
    """Send nothing to a domain for a while."""
    DomainPace.objects.update_or_create(
        domain=domain, defaults={"resting_until": Now() + lasting, "reason": reason[:200]}
    )


def rest_for_policy(domain: str, *, reason: str) -> None:
    """A server said that our mail as such is not wanted: stop, and tell somebody."""
    rest(domain, reason=f"it refuses our mail: {reason}", lasting=POLICY_REST)
    raise_alert(
        f"delivery:domain:{domain}",
        severity=Alert.Severity.DANGER,
        title=f"{domain} refuses our mail by policy",
        body=f"Mail to {domain} rests for an hour. The server said: {reason}",
    )


def note_delays(delayed: Sequence[str], *, taken: Sequence[str]) -> None:
    """Slow down where a domain delayed mails and took none: a rest that doubles, until it takes one again."""
    came_through = set(map(domain_of, taken))
    DomainPace.objects.filter(domain__in=sorted(came_through), refusals__gt=0).update(refusals=0)
    for domain in sorted(set(map(domain_of, delayed)) - came_through):
        pace, _ = DomainPace.objects.get_or_create(domain=domain)
        lasting = min(LONGEST_REST, FIRST_REST * 2 ** min(pace.refusals, 10))
        rest(domain, reason="it asks to come again later", lasting=lasting)
        DomainPace.objects.filter(pk=pace.pk).update(refusals=F("refusals") + 1)


def set_rate(domain: str, rate_per_second: int | None) -> None:
    """Keep how many messages a second a domain gets at most; None: no rate of its own."""
    DomainPace.objects.update_or_create(
        domain=domain, defaults={"rate_per_second": rate_per_second, "next_slot": Now()}
    )


def wake(domain: str) -> bool:
    """End the rest of a domain, as a colleague decided; False if it did not rest."""
    resting = DomainPace.objects.filter(domain=domain, resting_until__gt=Now())
    return bool(resting.update(resting_until=None, reason="", refusals=0))


def _spread(domain: str, rate: int, waiting: Sequence[Claimed]) -> None:
    """Put back what is above the rate, due again one after the other behind what waits already, in a few steps."""
    if not waiting:
        return
    needed = len(waiting) / rate
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_domainpace
            SET next_slot = greatest(next_slot, statement_timestamp()) + make_interval(secs => %s)
            WHERE domain = %s RETURNING extract(epoch FROM next_slot - statement_timestamp())::float
            """,
            [needed, domain],
        )
        ((end,),) = cursor.fetchall()
    step = max(rate, math.ceil(len(waiting) / STEPS))
    for start in range(0, len(waiting), step):
        delay = timedelta(seconds=end - needed + start / rate + 1)
        outcomes.return_unsent(
            waiting[start : start + step],
            delay=delay,
            reason=f"waits for the rate of {domain}, {rate} a second",
        )
