"""Pausing, resuming and cancelling a dispatch."""

from delivery import outbox
from delivery.models import Dispatch

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
        outbox.skip_cancelled(dispatch_id)
    return True
