"""What the tables of segments hold about people (see `customers.policies`)."""

from customers.policies import OnErasure, Policy, columns, not_personal

POLICIES = [
    Policy(
        model="segments.SegmentMembership",
        why="Which segments the person is in.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="segments.MembershipChange",
        why="When the person entered and left segments.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="segments.ListedCustomer",
        why="Which fixed lists the person is on.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="segments.StageChange",
        why="When the person moved from one stage of the lifecycle to another.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="segments.ListFill",
        why="Lines of uploaded lists that named nobody we know, kept so that they can be mended.",
        on_erasure=OnErasure.EMPTIED,
        searched=("unknown",),
        empties={"unknown": ""},
        keeps=columns("segment_id name lines matched unknown_count filled_by_id filled_at"),
    ),
    *not_personal(
        "segments.Segment",
        "segments.Lifecycle",
        "segments.LifecycleStage",
        why="Conditions that colleagues write.",
    ),
    *not_personal("segments.SegmentDay", why="Counts by day."),
    *not_personal("segments.Reference", why="Which campaigns, rules and segments use a segment."),
]
