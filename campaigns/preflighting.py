"""Preflight: everybody who would get a campaign's mail is written to before the launch, and what is wrong is counted.

The run's row is the queue. A worker holds it by a lease, writes a chunk, and keeps its counts and the place it has
come to in one statement's transaction: whoever is killed leaves nothing counted twice or left out.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User
from campaigns.composing import Ingredients, Source, coupon_pools, gather, is_suppressed, source_of, write
from campaigns.dependencies import DependencyFailed
from campaigns.models import (
    Campaign,
    CouponCode,
    PreflightExample,
    PreflightFinding,
    PreflightRun,
)
from campaigns.outputs import shown_bare
from campaigns.seals import seal_of_contents
from campaigns.templating.compile import CLIP_BYTES
from campaigns.templating.render import Rendered, RenderFailed
from campaigns.templating.tags import AT_OPENING
from customers.models import Consent
from experiments.assigning import variant_case_sql
from segments import membership
from segments.conditions import ConditionError
from segments.nesting import CycleError

logger = logging.getLogger(__name__)
CHUNK = 500
SLICE_SECONDS = 10.0
"""For how long a worker goes on before others of its queue have their turn."""
LEASE = timedelta(minutes=2)
EXAMPLES = 3
UNSUBSCRIBE = "/u/preview"
"""Where the unsubscribe link of a mail leads that belongs to no message."""
Kind = PreflightFinding.Kind
State = PreflightRun.State

_AUDIENCE = """
SELECT id, variant_key FROM (
    SELECT customer.id, {variant} AS variant_key
    FROM segments_segmentmembership member
    JOIN customers_customer customer ON customer.id = member.customer_id AND customer.email IS NOT NULL
    JOIN customers_consent consent ON consent.customer_id = customer.id AND consent.purpose = %(purpose)s
        AND consent.is_granted
    WHERE member.segment_id = %(segment)s AND member.customer_id > %(after)s AND NOT EXISTS (
        SELECT FROM customers_suppression suppression
        WHERE suppression.address_hash = sha256(convert_to(%(key)s || ':' || customer.email, 'UTF8')))
) AS eligible WHERE variant_key = ANY(%(mailed)s)
"""
_COUNT = """
INSERT INTO campaigns_preflightfinding AS finding (run_id, kind, about, count)
SELECT %(run)s, * FROM unnest(%(kinds)s::text[], %(abouts)s::text[], %(counts)s::int[])
ON CONFLICT (run_id, kind, about) DO UPDATE SET count = finding.count + EXCLUDED.count
RETURNING id, kind, about
"""


@dataclass(slots=True)
class Tally:
    """What was found in a chunk: how often, and the first of whom it is true."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[tuple[int, str, str]]] = field(default_factory=dict)

    def add(self, kind: Kind, customer_id: int, arm: str, *, about: str = "", said: str = "") -> None:
        """Count a finding about one customer's mail."""
        key = (kind.value, about[:100])
        self.counts[key] += 1
        examples = self.examples.setdefault(key, [])
        if len(examples) < EXAMPLES:
            examples.append((customer_id, arm, said[:200]))


def begin(campaign: Campaign, *, by: User | None) -> PreflightRun:
    """Store a preflight of a campaign that is not launched; one that is under way is returned instead.

    Whoever calls rings `campaigns.tasks.advance_preflight` after the commit.
    """
    with transaction.atomic():
        Campaign.objects.select_for_update().get(pk=campaign.pk)
        running = campaign.preflights.filter(state=State.RUNNING).first()
        return running or PreflightRun.objects.create(
            campaign=campaign, seal=seal_of_contents(campaign), asked_by=by
        )


def cancel(campaign: Campaign) -> bool:
    """End the preflight under way; False where there is none. Its worker stops after the chunk at hand."""
    running = campaign.preflights.filter(state=State.RUNNING)
    return bool(running.update(state=State.CANCELLED, finished_at=Now()))


def waiting() -> list[int]:
    """Return the preflights that nobody is at: what a lost ring or a dead worker left."""
    idle = Q(lease_until=None) | Q(lease_until__lt=Now())
    return list(
        PreflightRun.objects.filter(idle, state=State.RUNNING).order_by("pk").values_list("pk", flat=True)
    )


def advance(run_id: int, *, seconds: float = SLICE_SECONDS, chunk: int = CHUNK) -> bool:
    """Go on with a preflight for a while; True where there is more to do. Another worker's is left alone.

    What fails ends it, but a database that is away or busy does not: the sweep finds it when its lease is over.
    """
    run = _claim(run_id)
    if run is None:
        return False
    deadline = time.monotonic() + seconds
    try:
        while _chunk(run, size=chunk):
            if time.monotonic() > deadline:
                return bool(_held(run).update(lease_until=None))
    except (ConditionError, CycleError, DependencyFailed) as error:
        _end(run, State.FAILED, error=f"{type(error).__name__}: {error}")
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("Preflight %s failed", run_id)
        _end(run, State.FAILED, error=f"Unexpected: {type(error).__name__}. The log says more.")
    return False


def _claim(run_id: int) -> PreflightRun | None:
    """Take the run for the length of a lease, unless somebody has it."""
    idle = Q(lease_until=None) | Q(lease_until__lt=Now())
    mine = PreflightRun.objects.filter(idle, pk=run_id, state=State.RUNNING)
    if not mine.update(fence=F("fence") + 1, lease_until=Now() + LEASE):
        return None
    return PreflightRun.objects.select_related(
        "campaign__segment", "campaign__experiment", "campaign__sender"
    ).get(pk=run_id)


def _held(run: PreflightRun) -> Any:
    """The run's row while it is still this worker's."""
    return PreflightRun.objects.filter(pk=run.pk, fence=run.fence, state=State.RUNNING)


def _chunk(run: PreflightRun, *, size: int) -> bool:
    """Write the next mails and keep what was found; False when the run has ended or is no longer ours."""
    campaign = run.campaign
    if run.seal != seal_of_contents(campaign):
        _end(run, State.CANCELLED, error="The campaign, its rules or its blocks were changed meanwhile.")
        return False
    if run.total is None and not _counted(run):
        return False
    source = source_of(campaign)
    people = _audience(campaign, after=run.cursor, limit=size)
    if not people:
        _finish(run)
        return False
    return _keep(run, people, judge(source, people))


def judge(source: Source, people: Sequence[tuple[int, str]]) -> Tally:
    """Write the mails of (customer id, arm) pairs as they would be sent, and say what is wrong with them."""
    tally = Tally()
    ingredients = gather(source, people)
    bare = {arm: shown_bare(content, source.blocks.values()) for arm, content in source.contents.items()}
    for customer_id, arm in people:
        if is_suppressed(ingredients, customer_id):
            tally.add(Kind.SUPPRESSED, customer_id, arm)
            continue
        for pool in coupon_pools(ingredients, customer_id, arm):
            tally.add(Kind.COUPONS, customer_id, arm, about=pool)
        if any(shelf.startswith(AT_OPENING) for shelf in ingredients.recommended.get(customer_id, ())):
            is_noted = customer_id in ingredients.open_tracked
            tally.add(Kind.AT_OPENING if is_noted else Kind.NOT_AT_OPENING, customer_id, arm)
        _judge_one(tally, ingredients, customer_id, arm, bare[arm])
    return tally


def _judge_one(
    tally: Tally, ingredients: Ingredients, customer_id: int, arm: str, bare: frozenset[str]
) -> None:
    try:
        mail = write(ingredients, customer_id, arm, message_id=None)
    except RenderFailed as error:
        tally.add(Kind.CANNOT_BE_WRITTEN, customer_id, arm, said=str(error))
        return
    for kind, about in (*_faults(mail), *_fallbacks(mail, bare)):
        tally.add(kind, customer_id, arm, about=about, said=mail.subject)


def _faults(mail: Rendered) -> Iterable[tuple[Kind, str]]:
    """What is wrong with the finished mail."""
    if not mail.subject:
        yield Kind.NO_SUBJECT, ""
    if not mail.text.strip():
        yield Kind.NO_WORDS, ""
    if UNSUBSCRIBE not in mail.html:
        yield Kind.NO_UNSUBSCRIBE, ""
    if len(mail.html.encode()) > CLIP_BYTES:
        yield Kind.TOO_BIG, ""


def _fallbacks(mail: Rendered, bare: frozenset[str]) -> Iterable[tuple[Kind, str]]:
    """What was missing while it was written, each once a mail."""
    kinds = {
        "slot": Kind.EMPTY_SLOT,
        "slot-error": Kind.BROKEN_BLOCK,
        "block": Kind.BROKEN_BLOCK,
        "block-error": Kind.BROKEN_BLOCK,
        "failed": Kind.FAILED_SOURCE,
    }
    for what in mail.fallbacks:
        prefix, _, name = what.partition(":")
        if what == "link":
            yield Kind.UNSAFE_LINK, ""
        elif what == "recommendations":
            yield Kind.NO_PRODUCTS, ""
        elif name and prefix in kinds:
            yield kinds[prefix], name
        else:
            yield (Kind.BLANK_VALUE if what in bare else Kind.FALLBACK_VALUE), what


def _counted(run: PreflightRun) -> bool:
    """Bring the segment up to date, as a launch does, and count whom there is to write to."""
    campaign = run.campaign
    membership.refresh(campaign.segment, cause="launch")
    sql, parameters = _audience_sql(campaign, after=0)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) AS everybody", parameters)  # noqa: S608 - only texts of this module
        [run.total] = cursor.fetchone()
    return bool(_held(run).update(total=run.total, lease_until=Now() + LEASE))


def _audience(campaign: Campaign, *, after: int, limit: int) -> list[tuple[int, str]]:
    sql, parameters = _audience_sql(campaign, after=after)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ORDER BY id LIMIT %(limit)s", {**parameters, "limit": limit})
        return cursor.fetchall()


def _audience_sql(campaign: Campaign, *, after: int) -> tuple[str, dict[str, Any]]:
    """Who would be mailed now, with the arm, by ascending id; caps and times of a launch are not asked."""
    variant, values = variant_case_sql(campaign.experiment)
    named = {f"variant_{i}": value for i, value in enumerate(values)}
    for name in named:
        variant = variant.replace("%s", f"%({name})s", 1)
    return _AUDIENCE.format(variant=variant), {
        **named,
        "segment": campaign.segment_id,
        "after": after,
        "purpose": Consent.Purpose.MARKETING_EMAIL,
        "key": settings.SUPPRESSION_KEY,
        "mailed": list(campaign.variants.values_list("variant__key", flat=True)),
    }


def _keep(run: PreflightRun, people: Sequence[tuple[int, str]], tally: Tally) -> bool:
    """Add a chunk to the books and go on to the next; False where the run is no longer ours."""
    run.cursor = people[-1][0]
    with transaction.atomic():
        moved = _held(run).update(done=F("done") + len(people), cursor=run.cursor, lease_until=Now() + LEASE)
        if moved and tally.counts:
            _count(run, tally)
    return bool(moved)


def _count(run: PreflightRun, tally: Tally) -> None:
    keys = sorted(tally.counts)
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "run": run.pk,
                "kinds": [kind for kind, _ in keys],
                "abouts": [about for _, about in keys],
                "counts": [tally.counts[key] for key in keys],
            },
        )
        findings = {(kind, about): id for id, kind, about in cursor.fetchall()}
    has = Counter(
        PreflightExample.objects.filter(finding__in=findings.values()).values_list("finding_id", flat=True)
    )
    PreflightExample.objects.bulk_create(
        PreflightExample(finding_id=findings[key], customer_id=customer_id, variant_key=arm, said=said)
        for key in keys
        for customer_id, arm, said in tally.examples[key][: EXAMPLES - has[findings[key]]]
    )


def _finish(run: PreflightRun) -> None:
    """Hold the coupon codes that are wanted against those that are left, and end the run."""
    with transaction.atomic():
        if not _held(run).select_for_update().exists():
            return
        wanted = dict(run.findings.filter(kind=Kind.COUPONS).values_list("about", "count"))
        for pool in sorted(wanted):
            free = CouponCode.objects.filter(pool__key=pool, message=None)[: wanted[pool]].count()
            if lacking := wanted[pool] - free:
                run.findings.create(kind=Kind.TOO_FEW_COUPONS, about=pool, count=lacking)
        _end(run, State.DONE)


def _end(run: PreflightRun, state: PreflightRun.State, *, error: str = "") -> None:
    _held(run).update(state=state, error=error[:300], finished_at=Now(), lease_until=None)
