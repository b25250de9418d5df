"""From a segment to a frozen audience with one message each, in one transaction (see `campaigns.freezing`)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from accounts.models import User
from campaigns import approving, preflights
from campaigns.field_uses import sources_in_doubt, tell_uses
from campaigns.freezing import freeze_audience
from campaigns.models import Campaign, CampaignVariant
from campaigns.piloting import hold_back
from campaigns.shifts import early_look_refused
from campaigns.slots import freeze
from campaigns.winning import hold_remainder
from customers.quality.alerts import resolve
from delivery.models import Dispatch
from experiments.assigning import SAME_SALT, are_apart
from experiments.looks import plan_looks
from experiments.models import Experiment, Variant
from experiments.stats.assignment import WHOLE
from segments import membership

NOBODY = (
    "Nobody would get a mail: the segment holds no one in a mailed arm who has an address, consented, is not "
    "suppressed, and whom neither a frequency cap nor a time that is past leaves out."
)


class LaunchRefused(Exception):
    """The campaign cannot be launched as it stands; each of `reasons` is a sentence for people."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class NotDue(LaunchRefused):
    """The campaign was taken off the schedule, planned anew or launched while its launch was prepared."""


class DataDoubted(LaunchRefused):
    """The data that the campaign reads is bad; a launch has to say that it knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What a launch froze. `audience = mailed + unmailed + excluded`, by construction of the snapshot."""

    dispatch_id: int
    audience: int
    by_variant: dict[str, int]
    excluded: dict[str, int]


def obstacles(campaign: Campaign) -> list[str]:
    """Say what stands in the way of a launch, in sentences; an empty list means nothing does."""
    found = []
    variants = list(campaign.experiment.variants.all())
    if sum(variant.weight for variant in variants) != WHOLE:
        found.append("The weights of the arms do not add up to 100 %.")
    if not are_apart(campaign.experiment, variants):
        found.append(SAME_SALT)
    without = (Variant.Role.NO_MAIL, Variant.Role.REMAINDER)
    mailed = {variant.pk for variant in variants if variant.role not in without}
    if not mailed:
        found.append("No arm of the experiment gets a mail.")
    content = {one.variant_id: one for one in campaign.variants.select_related("template_version")}
    for variant in variants:
        chosen = content.get(variant.pk)
        if variant.pk in mailed and chosen is None:
            found.append(f"The arm “{variant.name}” has no template.")
        elif chosen and any(finding["severity"] == "error" for finding in chosen.template_version.findings):
            found.append(f"The template of the arm “{variant.name}” has errors.")
    if sentence := early_look_refused(campaign, campaign.experiment):
        found.append(sentence)
    return [*found, *preflights.obstacles(campaign), *approving.obstacles(campaign)]


def data_doubts(campaign: Campaign) -> list[str]:
    """Say which bad sources feed what the campaign reads; with any, a launch has to be confirmed."""
    return [
        f"{source.name}: {reason.sentence}"
        for source in sources_in_doubt(campaign)
        for reason in source.reasons
        if reason.light == "red"
    ]


def launch(
    campaign_id: int,
    *,
    by: User | None = None,
    despite_data_health: bool = False,
    as_scheduled: bool = False,
) -> Launched:
    """Freeze the audience and queue its messages, once; raises LaunchRefused.

    With `as_scheduled` it raises NotDue unless the campaign is still on the schedule and its moment has come.

    Raises DataDoubted where a source that it reads is bad, unless that is known and wanted; it is kept who said so.

    The segment is refreshed first, with its own "now" where it has one. The live rules that have a say in the
    campaign are frozen with it, and so are the blocks they can show. Whoever calls rings
    `campaigns.tasks.send_dispatch` after the commit.
    """
    membership.refresh(Campaign.objects.select_related("segment").get(pk=campaign_id).segment, cause="launch")
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
        campaign.experiment = Experiment.objects.select_for_update().get(pk=campaign.experiment_id)
        launched_at = database_time()
        if as_scheduled and not _is_due(campaign, at=launched_at):
            raise NotDue(["This campaign is no longer to be launched now."])
        if campaign.state not in Campaign.UNFROZEN:
            raise LaunchRefused(["This campaign has been launched already."])
        if campaign.is_series:
            raise LaunchRefused(["This campaign repeats: start the series instead."])
        if reasons := obstacles(campaign):
            raise LaunchRefused(reasons)
        doubts = data_doubts(campaign)
        if doubts and not despite_data_health:
            raise DataDoubted(doubts)
        dispatch = Dispatch.objects.create(
            name=campaign.name, sender=campaign.sender, priority=min(campaign.priority, 0)
        )
        freeze(campaign, list(arm_contents(campaign).values()))
        freeze_audience(campaign, dispatch, at=launched_at)
        if not dispatch.messages.exists():
            raise LaunchRefused([NOBODY])
        if hold_back(dispatch, campaign) == 0:
            raise LaunchRefused(
                ["Nobody of the audience is in the pilot: choose another segment, or more of them."]
            )
        hold_remainder(dispatch, campaign)
        Experiment.objects.filter(pk=campaign.experiment_id).update(started_at=Now())
        campaign.dispatch, campaign.state = dispatch, Campaign.State.LAUNCHED
        campaign.launched_at, campaign.held_because = launched_at, ""
        campaign.last_due_at = campaign.recipients.aggregate(last=Max("due_at"))["last"]
        campaign.data_doubts = [
            {"sentence": one, "confirmed_by": str(by or "the command line")} for one in doubts
        ]
        campaign.save(
            update_fields=[
                "dispatch",
                "state",
                "launched_at",
                "last_due_at",
                "held_because",
                "data_doubts",
            ]
        )
        plan_looks(campaign.experiment, begins=launched_at, ends=window_closes(campaign))
        resolve(Q(key=campaign.alert_key))
        tell_uses()
        return counts(campaign)


def _is_due(campaign: Campaign, *, at: datetime) -> bool:
    """Whether its launch is on the schedule for `at` or before."""
    is_scheduled = campaign.state == Campaign.State.SCHEDULED
    return is_scheduled and campaign.launch_at is not None and campaign.launch_at <= at


def database_time() -> datetime:
    """Return the database's present moment: the clock that all due times are held against."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def window_closes(campaign: Campaign) -> datetime:
    """Return when the window of whoever is mailed last in a launched campaign is over."""
    last = campaign.last_due_at or campaign.launched_at
    assert last is not None
    return last + timedelta(days=campaign.experiment.conversion_window_days)


def counts(campaign: Campaign) -> Launched:
    """Count the launch snapshot by arm and by reason; the campaign must be launched."""
    assert campaign.dispatch_id is not None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT variant_key, exclusion, count(*) FROM campaigns_recipient
            WHERE campaign_id = %s GROUP BY variant_key, exclusion ORDER BY variant_key, exclusion
            """,
            [campaign.pk],
        )
        rows = cursor.fetchall()
    by_variant = {variant.key: 0 for variant in campaign.experiment.variants.all()}
    by_variant |= {key: count for key, exclusion, count in rows if not exclusion}
    return Launched(
        dispatch_id=campaign.dispatch_id,
        audience=sum(count for *_, count in rows),
        by_variant=by_variant,
        excluded={exclusion: count for _, exclusion, count in rows if exclusion},
    )


def arm_contents(campaign: Campaign) -> dict[str, CampaignVariant]:
    """Return what each mailed arm gets, by the arm's key; two queries."""
    contents = campaign.variants.select_related("variant", "template_version__template")
    return {content.variant.key: content for content in contents}
