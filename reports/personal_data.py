"""What reports hold about people (see `customers.policies`)."""

from customers.policies import OnErasure, Policy, columns, not_personal

POLICIES = [
    Policy(
        model="reports.Attribution",
        why="Which mail an order followed: without it the sums of reports would not add up.",
        on_erasure=OnErasure.KEPT,
        path="message__customer_id",
        keeps=columns("order_id message_id dispatch_id variant_key day touched_at order_parts revenue_minor"),
    ),
    Policy(
        model="reports.MessageFact",
        why="On which days a mail was sent, opened and clicked, for the same sums. The domain goes with the address.",
        on_erasure=OnErasure.KEPT,
        path="message__customer_id",
        keeps=columns(
            "message_id dispatch_id variant_key domain client stage sent_on opened_on machine_opened_on clicked_on"
            " unsubscribed_on bounced_on complained_on order_parts revenue_minor"
        ),
    ),
    Policy(
        model="reports.MessagePart",
        why="Which rules and strategies a mail came from, for the same sums.",
        on_erasure=OnErasure.KEPT,
        path="message__customer_id",
        keeps=columns("message_id dimension key shown chosen bought bought_minor"),
    ),
    *not_personal("reports.Change", why="Numbers of rows that are to be counted anew."),
    *not_personal(
        *(f"reports.{name}" for name in ("DayFigures", "PartFigures", "CampaignFigures", "CohortFigures")),
        why="Sums over many people.",
    ),
    *not_personal(
        *(
            f"reports.{name}"
            for name in ("ReportSettings", "CampaignCost", "DigestSubscription", "DigestMail")
        ),
        why="What colleagues decided, and which digests they got.",
    ),
]
