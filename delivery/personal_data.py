"""What the post office holds about people (see `customers.policies`)."""

from django.db.models import Case, F, Q, Value, When

from customers.policies import OnErasure, Policy, Subject, columns, erased_name, not_personal
from delivery.models import Message, WebhookReceipt

_ERASED = "the customer was erased"
_WAITS = Q(state__in=[Message.State.QUEUED, Message.State.HELD])
_FLIES = Q(state=Message.State.IN_FLIGHT)


def _local_copies(subject: Subject) -> Q:
    messages = Message.objects.filter(customer_id__in=subject.customer_ids).exclude(provider_id="")
    return Q(recipient__in=subject.emails) | Q(key__in=messages.values("provider_id"))


POLICIES = [
    Policy(
        model="delivery.WebhookReceipt",
        why="A provider's report, kept as it came in; what it reported is in the message's events.",
        on_erasure=OnErasure.EMPTIED,
        path="message__customer_id",
        searched=("raw", "told"),
        empties={
            "event_key": erased_name(),
            "raw": {},
            "told": None,
            "provider_id": "",
            "try_at": None,
            "state": Case(
                When(state="waiting", then=Value(WebhookReceipt.State.UNKNOWN)), default=F("state")
            ),
        },
        keeps=columns("provider kind message_id received_at"),
    ),
    Policy(
        model="delivery.MessageEvent",
        why="That a mail was opened or clicked is counted; the device and the provider's words go.",
        on_erasure=OnErasure.EMPTIED,
        path="message__customer_id",
        empties={"user_agent": "", "dedupe_key": erased_name(), "raw": None},
        keeps=columns("message_id kind bounce occurred_at link_index is_machine verdict recorded_at"),
    ),
    Policy(
        model="delivery.MailboxMessage",
        why="The copy of a mail in the local mailbox.",
        on_erasure=OnErasure.DELETED,
        rows=_local_copies,
        hides=columns("raw"),
    ),
    Policy(
        model="delivery.Message",
        why="That a mail was sent is counted; address, words and links go. What waits is not sent.",
        on_erasure=OnErasure.EMPTIED,
        path="customer_id",
        empties={
            "recipient": "",
            "subject": "",
            "provider_id": "",
            "content_sha256": "",
            "resolved": None,
            "links": None,
            "raw": None,
            "lease_until": None,
            "fence": Case(When(_FLIES, then=F("fence") + 1), default=F("fence")),
            "reason": Case(When(_WAITS | _FLIES, then=Value(_ERASED)), default=F("reason")),
            "state": Case(
                When(_WAITS, then=Value(Message.State.SKIPPED)),
                When(_FLIES, then=Value(Message.State.UNKNOWN)),
                default=F("state"),
            ),
        },
        keeps=columns(
            "dispatch_id customer_id variant_key occasion due_at attempts deaths fallbacks "
            "settled_by link_list_id handed_over_at sent_at created_at"
        ),
        hides=columns("raw"),
    ),
    *not_personal("delivery.Sender", "delivery.Dispatch", why="Who mail comes from, and piles of it."),
    *not_personal("delivery.LinkList", why="The links that all mails of a template's version have."),
    *not_personal("delivery.SenderCheck", why="What DNS says about a sender's domain."),
    *not_personal("delivery.Letter", why="That a confirmation or a test was sent; to whom stands elsewhere."),
    *not_personal(
        *(f"delivery.{name}" for name in ("KillSwitch", "Breaker", "DomainPace", "Bucket", "SendWorker")),
        *("delivery.WarmUp", "delivery.SendTally"),
        why="How fast mail leaves, and what keeps it.",
    ),
]
