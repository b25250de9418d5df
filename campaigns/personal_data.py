"""What the tables of campaigns hold about people (see `customers.policies`)."""

from django.db.models.functions import Now

from customers.policies import OnErasure, Policy, columns, erased_name, not_personal

POLICIES = [
    Policy(
        model="campaigns.Recipient",
        why="The launch snapshot: without the row the campaign's books would not add up.",
        on_erasure=OnErasure.KEPT,
        path="customer_id",
        keeps=columns("campaign_id customer_id variant_key exclusion due_at created_at"),
    ),
    Policy(
        model="campaigns.SendingHabit",
        why="The hour at which the person usually reads mail.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
        is_profile=True,
    ),
    Policy(
        model="campaigns.PreflightExample",
        why="That a mail to the person would have a fault, to be looked at before the launch.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="campaigns.Opening",
        why="Which products a mail to the person chose when it was opened.",
        on_erasure=OnErasure.DELETED,
        path="message__customer_id",
    ),
    Policy(
        model="campaigns.Shown",
        why="That these products were shown to the person.",
        on_erasure=OnErasure.DELETED,
        path="opening__message__customer_id",
    ),
    # Journeys
    Policy(
        model="campaigns.WebhookCall",
        why="A call of a journey's webhook step, with the customer's id in its body.",
        on_erasure=OnErasure.DELETED,
        path="enrolment__customer_id",
    ),
    Policy(
        model="campaigns.JourneyBell",
        why="That there is news of the person for a journey.",
        on_erasure=OnErasure.DELETED,
        path="customer_id",
    ),
    Policy(
        model="campaigns.StepVisit",
        why="Which steps of journeys the person went through.",
        on_erasure=OnErasure.DELETED,
        path="enrolment__customer_id",
    ),
    Policy(
        model="campaigns.Enrolment",
        why="That somebody went through a journey is counted; who is on the way is taken off it by the walker.",
        on_erasure=OnErasure.EMPTIED,
        path="customer_id",
        empties={"entry_key": erased_name(), "due_at": Now()},
        keeps=columns(
            "journey_id version_id customer_id is_active step position waits_since awaits failures started_at"
            " ended_at ending"
        ),
    ),
    *not_personal(
        "campaigns.Journey",
        "campaigns.JourneyVersion",
        "campaigns.StepCount",
        why="Plans that colleagues make, and counts.",
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
        "campaigns.ContactCap",
        "campaigns.ListHabit",
        "campaigns.Campaign_rule_set_versions",
        "campaigns.CampaignTags",
        "campaigns.CampaignVariant",
        "campaigns.LaunchApproval",
        "campaigns.Pilot",
        "campaigns.PreflightRun",
        "campaigns.RemainderRelease",
        "campaigns.TestSend",
        "campaigns.WritingHour",
        "campaigns.PreflightFinding",
        why="Content and plans that colleagues make.",
    ),
]
