"""What campaigns keep: contents, and campaigns with their recipients."""

from campaigns.models.campaign import (
    Campaign,
    CampaignQuerySet,
    CampaignVariant,
    FrozenBlock,
    Recipient,
)
from campaigns.models.content import Block, Template, TemplateVersion

__all__ = [
    "Block",
    "Campaign",
    "CampaignQuerySet",
    "CampaignVariant",
    "FrozenBlock",
    "Recipient",
    "Template",
    "TemplateVersion",
]
