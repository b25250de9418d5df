"""What the tables of campaigns hold about people (see `customers.policies`)."""

from customers.policies import OnErasure, Policy, columns, not_personal

POLICIES = [
    Policy(
        model="campaigns.Recipient",
        why="The launch snapshot: without the row the campaign's books would not add up.",
        on_erasure=OnErasure.KEPT,
        path="customer_id",
        keeps=columns("campaign_id customer_id variant_key exclusion created_at"),
    ),
    Policy(
        model="campaigns.CouponCode",
        why="That a code was given away, so that it is never given again; to whom goes with the message.",
        on_erasure=OnErasure.KEPT,
        path="message__customer_id",
        keeps=columns("pool_id code message_id given_at"),
    ),
    *not_personal(
        "campaigns.Template",
        "campaigns.TemplateVersion",
        "campaigns.Block",
        "campaigns.BlockVersion",
        "campaigns.FrozenBlock",
        "campaigns.CouponPool",
        "campaigns.Campaign",
        "campaigns.Campaign_rule_set_versions",
        "campaigns.CampaignVariant",
        why="Content and plans that colleagues make.",
    ),
]
