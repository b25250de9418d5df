"""Writing the mails of journeys: the step says what is sent, running campaigns whom it may not touch."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from campaigns import writing_figures
from campaigns.composing import TIME_TO_COMPOSE, Envelope, Source, compose_one, gather, with_coupons
from campaigns.content import held
from campaigns.journeys.documents import Send
from campaigns.journeys.ways import document_of
from campaigns.models import CampaignVariant, Journey, JourneyVersion
from campaigns.slots import live_blocks
from delivery.models import Dispatch
from delivery.outbox import Claimed, Composed
from experiments.models import Variant
from recommendations.strategies import BESTSELLERS, strategy_called
from rules.versions import live_versions

_PLAIN = "~"


def variant_key_of(number: int, step: str) -> str:
    """Return what a message is called by: the version's number and the step."""
    return f"{number}.{step}"


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    """Write each claimed message from fresh data, with the rules and blocks of now; a fixed number of queries.

    Who takes part in a running campaign as one who gets no mail is skipped, and who gets none that is personal gets
    nothing personal here either: what the campaign measures would be lost. When half of the lease is over, the rest is
    left out.
    """
    deadline = time.monotonic() + TIME_TO_COMPOSE.total_seconds()
    journey = Journey.objects.select_related("sender").get(dispatch=dispatch)
    ids = [one.customer_id for one in claimed]
    unmailed, plain = held(ids, Variant.Role.NO_MAIL), held(ids, Variant.Role.BASELINE)
    shown = {one.id: one.variant_key + (_PLAIN if one.customer_id in plain else "") for one in claimed}
    source = _source(journey, sorted(set(shown.values())))
    ingredients = gather(source, [(one.customer_id, shown[one.id]) for one in claimed])
    mailed = [replace(one, variant_key=shown[one.id]) for one in claimed if one.customer_id not in unmailed]
    ingredients = with_coupons(ingredients, mailed)
    envelope = Envelope(
        sender=journey.sender,
        list_id=f"{journey.key}.journeys",
        feedback_of=f"{journey.pk}:{{arm}}:journey:regards",
    )
    composed: list[Composed] = []
    seconds: list[float] = []
    for one in claimed:
        began = time.monotonic()
        if composed and began > deadline:
            break
        if one.customer_id in unmailed:
            composed.append(Composed(claimed=one, skipped="a running campaign compares them without mail"))
        else:
            written = compose_one(envelope, ingredients, replace(one, variant_key=shown[one.id]))
            composed.append(replace(written, claimed=one))
            seconds.append(time.monotonic() - began)
    writing_figures.note(dispatch, composed, seconds)
    return composed


def content_of(dispatch: Dispatch, customer_id: int, variant_key: str) -> CampaignVariant:
    """Return what the step that a message came from shows this customer now, as an arm of a campaign would have it."""
    journey = Journey.objects.get(dispatch=dispatch)
    versions = {version.number: version for version in JourneyVersion.objects.filter(journey=journey)}
    is_plain = bool(held([customer_id], Variant.Role.BASELINE))
    return _content(versions, variant_key + (_PLAIN if is_plain else ""))


def _source(journey: Journey, keys: Iterable[str]) -> Source:
    versions = {version.number: version for version in JourneyVersion.objects.filter(journey=journey)}
    return Source(
        name=journey.name,
        sender_name=journey.sender.from_name,
        contents={key: _content(versions, key) for key in keys},
        versions=live_versions(),
        blocks=live_blocks(),
    )


def _content(versions: dict[int, JourneyVersion], key: str) -> CampaignVariant:
    """What the step of a version sends, as an arm of a campaign would have it."""
    number, _, name = key.removesuffix(_PLAIN).partition(".")
    version, is_personalised = versions[int(number)], not key.endswith(_PLAIN)
    step = document_of(version.pk).step(name)
    assert step is not None and isinstance(step.act, Send)
    strategy = step.act.strategy
    if not is_personalised and strategy_called(strategy).is_personal:
        strategy = BESTSELLERS
    return CampaignVariant(
        template_version_id=version.templates[name], strategy=strategy, is_personalised=is_personalised
    )
