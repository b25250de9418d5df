"""What campaigns keep: contents, and campaigns with their recipients."""

from campaigns.models.campaign import (
    Campaign,
    CampaignQuerySet,
    CampaignVariant,
    FrozenBlock,
    Recipient,
)
from campaigns.models.content import Block, BlockVersion, Template, TemplateVersion
from campaigns.models.coupon import CouponCode, CouponPool

__all__ = [
    "Block",
    "BlockVersion",
    "Campaign",
    "CampaignQuerySet",
    "CampaignVariant",
    "CouponCode",
    "CouponPool",
    "FrozenBlock",
    "Recipient",
    "Template",
    "TemplateVersion",
]
