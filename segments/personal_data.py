"""What the tables of segments hold about people (see `customers.policies`)."""

from customers.policies import OnErasure, Policy, not_personal

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
    *not_personal("segments.Segment", why="Conditions that colleagues write."),
]
