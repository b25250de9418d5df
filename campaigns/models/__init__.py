"""What campaigns keep: contents, coupons, campaigns with their recipients, and journeys with who is on the way."""

from campaigns.models.campaign import (
    Campaign,
    CampaignQuerySet,
    CampaignVariant,
    FrozenBlock,
    Recipient,
)
from campaigns.models.content import Block, BlockVersion, Template, TemplateVersion
from campaigns.models.coupon import CouponCode, CouponPool
from campaigns.models.journey import (
    Enrolment,
    Journey,
    JourneyBell,
    JourneyVersion,
    StepCount,
    StepVisit,
    WebhookCall,
)
from campaigns.models.pressure import ContactCap, ListHabit, SendingHabit

__all__ = [
    "Block",
    "BlockVersion",
    "Campaign",
    "CampaignQuerySet",
    "CampaignVariant",
    "ContactCap",
    "CouponCode",
    "CouponPool",
    "Enrolment",
    "FrozenBlock",
    "Journey",
    "JourneyBell",
    "JourneyVersion",
    "ListHabit",
    "Recipient",
    "SendingHabit",
    "StepCount",
    "StepVisit",
    "Template",
    "TemplateVersion",
    "WebhookCall",
]
