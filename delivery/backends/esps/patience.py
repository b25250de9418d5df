"""How long one request to a provider may take, so that a few of them fit into the time for handing over."""

from django.conf import settings

CONNECT_SECONDS = min(5.0, settings.DELIVERY_LEASE_SECONDS / 16)
ANSWER_SECONDS = min(20.0, settings.DELIVERY_LEASE_SECONDS / 8)
