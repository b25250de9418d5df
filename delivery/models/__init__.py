"""The post office: who sends, what is to be sent and in which state it is, what came back, and what holds it back."""

from delivery.models.messages import Dispatch, Letter, LinkList, MailboxMessage, Message
from delivery.models.pace import Breaker, Bucket, DomainPace, KillSwitch, SendWorker
from delivery.models.reports import MessageEvent, WebhookReceipt
from delivery.models.senders import Sender, SenderCheck, SendTally, WarmUp

__all__ = [
    "Breaker",
    "Bucket",
    "Dispatch",
    "DomainPace",
    "KillSwitch",
    "Letter",
    "LinkList",
    "MailboxMessage",
    "Message",
    "MessageEvent",
    "SendTally",
    "SendWorker",
    "Sender",
    "SenderCheck",
    "WarmUp",
    "WebhookReceipt",
]
