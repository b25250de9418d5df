"""What campaigns keep: contents, coupons, campaigns with their recipients, and journeys with who is on the way."""

from campaigns.models.approval import LaunchApproval
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
from campaigns.models.opening import Opening, Shown
from campaigns.models.pilot import Pilot
from campaigns.models.preflight import PreflightExample, PreflightFinding, PreflightRun
from campaigns.models.pressure import ContactCap, ListHabit, SendingHabit
from campaigns.models.remainder import RemainderRelease
from campaigns.models.tags import CampaignTags
from campaigns.models.test_send import TestSend
from campaigns.models.writing import WritingHour

__all__ = [
    "Block",
    "BlockVersion",
    "Campaign",
    "CampaignQuerySet",
    "CampaignTags",
    "CampaignVariant",
    "ContactCap",
    "CouponCode",
    "CouponPool",
    "Enrolment",
    "FrozenBlock",
    "Journey",
    "JourneyBell",
    "JourneyVersion",
    "LaunchApproval",
    "ListHabit",
    "Opening",
    "Pilot",
    "PreflightExample",
    "PreflightFinding",
    "PreflightRun",
    "Recipient",
    "RemainderRelease",
    "SendingHabit",
    "Shown",
    "StepCount",
    "StepVisit",
    "Template",
    "TemplateVersion",
    "TestSend",
    "WebhookCall",
    "WritingHour",
]
