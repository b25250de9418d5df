"""Pausing, resuming and cancelling a dispatch, and the kill switch that stops them all."""

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from common.clock import now
from delivery import outcomes
from delivery.models import Dispatch, KillSwitch

STATES = {
    "pause": Dispatch.State.PAUSED,
    "resume": Dispatch.State.SENDING,
    "cancel": Dispatch.State.CANCELLED,
}


def steer(dispatch_id: int, act: str) -> bool:
    """Do `pause`, `resume` or `cancel`; False if the dispatch was cancelled before, which is final.

    When this returns no further message is claimed against the new state; what is in flight ends as usual.
    """
    changed = Dispatch.objects.filter(pk=dispatch_id).exclude(state=Dispatch.State.CANCELLED)
    if not changed.update(state=STATES[act]):
        return False
    if act == "cancel":
        outcomes.skip_cancelled(dispatch_id)
    return True


def stop_everything(*, reason: str, by: User | None) -> None:
    """Turn the kill switch on: no message of any dispatch is claimed any more when this returns.

    Of what was claimed before, a group of mails that is being handed over ends as usual; the rest is put back.
    """
    _switch(is_on=True, reason=reason, by=by, action="stopped all sending")


def allow_everything(*, reason: str, by: User | None) -> None:
    """Turn the kill switch off; what was stopped goes on by itself."""
    _switch(is_on=False, reason=reason, by=by, action="allowed sending again")


def kill_switch() -> KillSwitch:
    """The switch as it is."""
    return KillSwitch.objects.select_related("changed_by").filter(pk=1).first() or KillSwitch()


@transaction.atomic
def _switch(*, is_on: bool, reason: str, by: User | None, action: str) -> None:
    values = {"is_on": is_on, "reason": reason[:200], "changed_by": by, "changed_at": now()}
    switch, _ = KillSwitch.objects.update_or_create(pk=1, defaults=values)
    record(by, action, switch, detail=reason)
