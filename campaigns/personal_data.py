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
    *not_personal(
        "campaigns.Template",
        "campaigns.TemplateVersion",
        "campaigns.Block",
        "campaigns.BlockVersion",
        "campaigns.FrozenBlock",
        "campaigns.Campaign",
        "campaigns.Campaign_rule_set_versions",
        "campaigns.CampaignVariant",
        why="Content and plans that colleagues make.",
    ),
]
