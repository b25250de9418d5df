"""Approval of big launches by a second person: asked for, given or refused, and void as soon as anything changes."""

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import User
from campaigns.models import Campaign, LaunchApproval
from campaigns.seals import PLANS, seal_of_launch

Answer = LaunchApproval.Answer
GROWTH = 1.1
"""How much bigger than approved an audience may become before it is asked again."""


class Refused(Exception):
    """What cannot be asked or answered now; the message says why."""


def is_needed(campaign: Campaign) -> bool:
    """Whether its segment holds more people than one person may launch to, as it was last counted."""
    limit = settings.LAUNCH_APPROVAL_ABOVE
    return bool(limit) and campaign.segment.member_count > limit


def latest(campaign: Campaign) -> LaunchApproval | None:
    """Return the newest request; one query."""
    return campaign.approvals.select_related("asked_by", "answered_by").first()


def is_void(approval: LaunchApproval, campaign: Campaign) -> bool:
    """Whether something has changed since it was asked for, or many more people would be mailed."""
    grown = campaign.segment.member_count > approval.audience * GROWTH
    return grown or approval.seal != seal_of_launch(campaign)


def obstacles(campaign: Campaign) -> list[str]:
    """Say in a sentence that a second person's word is missing, where it is needed."""
    if not is_needed(campaign):
        return []
    approval = latest(campaign)
    size = f"more than {settings.LAUNCH_APPROVAL_ABOVE:,} people"
    if approval is None or approval.answer == Answer.WITHDRAWN:
        return [f"It goes to {size}: ask a second person to approve it."]
    if is_void(approval, campaign):
        return ["It was changed, or its audience grew, since approval was asked for: ask again."]
    if approval.answer == Answer.REFUSED:
        return [f"{approval.answered_by} refused to approve it: {approval.reason or 'no reason was given'}."]
    if approval.answer == Answer.OPEN:
        return [f"{approval.asked_by} asked a second person to approve it; nobody has yet."]
    return []


def ask(campaign: Campaign, *, by: User, note: str = "") -> LaunchApproval:
    """Ask for approval of the campaign as it is now; an older open request is withdrawn. Raises Refused."""
    with transaction.atomic():
        locked = _locked(campaign)
        locked.approvals.filter(answer=Answer.OPEN).update(
            answer=Answer.WITHDRAWN, answered_at=Now(), reason="It was asked for anew."
        )
        approval = LaunchApproval.objects.create(
            campaign=locked,
            seal=seal_of_launch(locked),
            audience=locked.segment.member_count,
            asked_by=by,
            note=note,
        )
        audit.record(by, "asked for approval of a launch", locked)
    return approval


def inherit(occurrence: Campaign, *, series: Campaign) -> LaunchApproval | None:
    """Let the word on a series hold for an occurrence as it was just made; None where there is none that holds."""
    given = latest(series)
    if given is None or given.answer != Answer.APPROVED or is_void(given, series):
        return None
    return LaunchApproval.objects.create(
        campaign=occurrence,
        seal=seal_of_launch(occurrence),
        audience=given.audience,
        asked_by=given.asked_by,
        note="Approved with its series.",
        answer=Answer.APPROVED,
        answered_by=given.answered_by,
        answered_at=given.answered_at,
    )


def withdraw(campaign: Campaign, *, by: User) -> bool:
    """Take an open request back; False where there is none."""
    with transaction.atomic():
        open_ones = campaign.approvals.filter(answer=Answer.OPEN)
        withdrawn = open_ones.update(answer=Answer.WITHDRAWN, answered_by=by, answered_at=Now())
        if withdrawn:
            audit.record(by, "withdrew a request for approval", campaign)
    return bool(withdrawn)


def answer(approval_id: int, *, by: User, approves: bool, reason: str = "") -> LaunchApproval:
    """Approve or refuse an open request. Raises Refused: for who asked or wrote, and for what has changed since."""
    with transaction.atomic():
        campaign_id = LaunchApproval.objects.values_list("campaign_id", flat=True).get(pk=approval_id)
        campaign = _locked(Campaign(pk=campaign_id))
        approval = LaunchApproval.objects.select_for_update().get(pk=approval_id)
        if approval.answer != Answer.OPEN:
            raise Refused("This request has been answered already.")
        if approves and by.pk in writers(campaign, approval):
            raise Refused("You wrote or asked for this; a second person approves it.")
        if approves and is_void(approval, campaign):
            raise Refused(
                "It was changed, or its audience grew, since it was asked for: it has to be asked again."
            )
        approval.answer = Answer.APPROVED if approves else Answer.REFUSED
        approval.answered_by, approval.reason = by, reason
        approval.save(update_fields=["answer", "answered_by", "reason"])
        LaunchApproval.objects.filter(pk=approval.pk).update(answered_at=Now())
        audit.record(by, "approved a launch" if approves else "refused to approve a launch", campaign)
    return approval


def writers(campaign: Campaign, approval: LaunchApproval) -> set[int]:
    """Return who may not approve: who asked, made the campaign, or edited its plan."""
    edited = [getattr(campaign, name, None) for name in PLANS]
    found = {approval.asked_by_id, campaign.created_by_id, *(one.edited_by_id for one in edited if one)}
    return {id for id in found if id is not None}


def _locked(campaign: Campaign) -> Campaign:
    """Return the campaign's row, locked until the transaction ends. Raises Refused where it is launched."""
    locked = (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("segment", "experiment", "sender")
        .get(pk=campaign.pk)
    )
    if locked.dispatch_id is not None:
        raise Refused("This campaign has been launched already.")
    return locked
