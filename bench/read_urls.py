"""The site's addresses, and the same read of recommendations as views and serializers of Django REST framework."""

from typing import Any

from django.http import Http404
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from campaigns.api import RecommendationsSerializer, customer_by_public_id
from campaigns.content import products_for
from campaigns.contexts import absolute_product
from campaigns.hot_reads import stored_ranking
from config.urls import urlpatterns as site


class _Drf(APIView):
    """With the ORM and a serializer."""

    required_scope = ApiKey.Scope.RECOMMENDATIONS_READ
    throttle_scope = "reads"

    def get(self, request: Request, public_id: str) -> Response:
        return Response(RecommendationsSerializer(self.answer(public_id)).data)

    def answer(self, public_id: str) -> dict[str, Any]:
        customer = customer_by_public_id(public_id)
        served = products_for(customer, k=6)
        told = zip(served.products, served.sources, served.reasons, strict=True)
        return {
            "customer": customer.public_id,
            "shortfall": served.shortfall,
            "model_version": str(served.model_version),
            "products": [
                {**absolute_product(one), "given_by": source, "reason": reason}
                for one, source, reason in told
            ],
        }


class _DrfOneStatement(_Drf):
    """With the same statement as the site's own view, and a serializer."""

    def answer(self, public_id: str) -> dict[str, Any]:
        ready = stored_ranking(public_id, k=6)
        if ready is None:
            raise Http404("No stored ranking.")
        return ready


urlpatterns = [
    path("drf/<str:public_id>", _Drf.as_view()),
    path("drf-one-statement/<str:public_id>", _DrfOneStatement.as_view()),
    *site,
]
