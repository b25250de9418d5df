"""What reports keep: their settings, what they read of each message, and the sums that pages show."""

from reports.models.digest import DigestMail as DigestMail
from reports.models.digest import DigestSubscription as DigestSubscription
from reports.models.facts import Attribution as Attribution
from reports.models.facts import Change as Change
from reports.models.facts import MessageFact as MessageFact
from reports.models.facts import MessagePart as MessagePart
from reports.models.figures import CampaignFigures as CampaignFigures
from reports.models.figures import CohortFigures as CohortFigures
from reports.models.figures import DayFigures as DayFigures
from reports.models.figures import PartFigures as PartFigures
from reports.models.settings import CampaignCost as CampaignCost
from reports.models.settings import ReportSettings as ReportSettings
