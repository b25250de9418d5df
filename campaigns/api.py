"""What e-mail service providers fetch while they send: recommendations and content slots.

Served from here because this app sees holdouts and recommendations alike: whoever is in a baseline arm of a running
campaign gets the unpersonalised answer through this door too.
"""

from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from campaigns.content import content_for, products_for
from campaigns.contexts import absolute_product
from campaigns.hot_reads import HotReadView, json_response, stored_ranking
from campaigns.models import TemplateVersion
from campaigns.previewing import preview
from campaigns.templating.render import RenderFailed
from customers.models import Customer
from recommendations.strategies import FOR_YOU, STRATEGIES

MOST_PRODUCTS = 50
LONGEST_NUMBER = 9


class ProductSerializer(serializers.Serializer[Any]):
    """A product as a mail shows it; the price is in minor units of `currency`."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    name = serializers.CharField()
    brand = serializers.CharField()
    category = serializers.CharField()
    price_minor = serializers.IntegerField()
    currency = serializers.CharField()
    url = serializers.CharField()
    image_url = serializers.CharField()
    given_by = serializers.CharField(help_text="model, or the fallback that gave this product")
    reason = serializers.CharField()


class RecommendationsSerializer(serializers.Serializer[Any]):
    """Products for one customer, best first, and where they come from."""

    customer = serializers.UUIDField()
    shortfall = serializers.CharField(help_text="Why there are fewer than were asked for; empty when enough")
    model_version = serializers.CharField(allow_null=True)
    products = ProductSerializer(many=True)


class SlotSerializer(serializers.Serializer[Any]):
    """What a slot shows to one customer."""

    slot = serializers.CharField()
    customer = serializers.CharField(allow_null=True)
    block = serializers.CharField(allow_null=True)
    html = serializers.CharField()
    variables = serializers.DictField()
    rule_set_version = serializers.IntegerField(allow_null=True)
    is_fallback = serializers.BooleanField()


class AskedSerializer(serializers.Serializer[Any]):
    """Which template to render, and for whom."""

    template = serializers.SlugField(help_text="The template's key")
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Its newest unless given"
    )
    customer = serializers.CharField(required=False, help_text="A public id; somebody unknown unless given")


class RenderedSerializer(serializers.Serializer[Any]):
    """A mail as one customer would get it."""

    template = serializers.CharField()
    version = serializers.IntegerField()
    customer = serializers.UUIDField(allow_null=True)
    is_suppressed = serializers.BooleanField(help_text="Whether a rule keeps it from being sent")
    subject = serializers.CharField()
    preheader = serializers.CharField()
    html = serializers.CharField()
    text = serializers.CharField()
    fallbacks = serializers.DictField(child=serializers.IntegerField())


class RecommendationsView(HotReadView):
    """`GET /api/v1/customers/{id}/recommendations`."""

    required_scope = ApiKey.Scope.RECOMMENDATIONS_READ
    throttle_scope = "reads"

    @extend_schema(
        parameters=[
            OpenApiParameter("k", int, description=f"How many, 1 to {MOST_PRODUCTS}; 6 unless given."),
            OpenApiParameter("strategy", str, enum=list(STRATEGIES), description=f"{FOR_YOU} unless given."),
        ],
        responses=RecommendationsSerializer,
    )
    def get(self, request: HttpRequest | Request, public_id: str) -> HttpResponse:
        """Recommend products to one customer; to one in a baseline arm, bestsellers in place of a personal choice."""
        k = _whole_number(request.GET.get("k", "6"), name="k", least=1, most=MOST_PRODUCTS)
        strategy = request.GET.get("strategy", FOR_YOU)
        if strategy not in STRATEGIES:
            raise ValidationError({"strategy": [f"Give one of {', '.join(STRATEGIES)}."]})
        ready = stored_ranking(public_id, k=k) if strategy == FOR_YOU else None
        return json_response(ready or _recommended(public_id, k=k, strategy=strategy))


def _recommended(public_id: str, *, k: int, strategy: str) -> dict[str, Any]:
    customer = customer_by_public_id(public_id)
    served = products_for(customer, k=k, strategy=strategy)
    told = zip(served.products, served.sources, served.reasons, strict=True)
    return {
        "customer": customer.public_id,
        "shortfall": served.shortfall,
        "model_version": str(served.model_version) if served.model_version else None,
        "products": [
            {**absolute_product(product), "given_by": source, "reason": reason}
            for product, source, reason in told
        ],
    }


class SlotView(APIView):
    """`GET /api/v1/content/{slot}?customer={id}`."""

    required_scope = ApiKey.Scope.CONTENT_READ
    throttle_scope = "reads"

    @extend_schema(
        parameters=[OpenApiParameter("customer", str, description="The customer's public id.")],
        responses=SlotSerializer,
    )
    def get(self, request: Request, slot: str) -> Response:
        """Decide a slot by its live rules; an unknown customer gets the rule set's stored fallback."""
        public_id = request.query_params.get("customer")
        content = content_for(slot, _find_customer(public_id) if public_id else None)
        if content is None:
            raise Http404(f"No published rule set decides the slot {slot!r}.")
        return Response(SlotSerializer(content).data)


class RenderView(APIView):
    """`POST /api/v1/render`."""

    required_scope = ApiKey.Scope.CONTENT_READ
    throttle_scope = "reads"

    @extend_schema(request=AskedSerializer, responses=RenderedSerializer)
    def post(self, request: Request) -> Response:
        """Render a template as it would be sent; nothing is sent or noted, links and coupons are samples."""
        asked = AskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        versions = TemplateVersion.objects.filter(template__key=wanted["template"])
        if "version" in wanted:
            versions = versions.filter(number=wanted["version"])
        version = versions.order_by("-number").first()
        if version is None:
            raise Http404("There is no such version of a template.")
        customer = customer_by_public_id(wanted["customer"]) if "customer" in wanted else None
        try:
            shown = preview(version, customer_id=customer.pk if customer else None)
        except RenderFailed as error:
            raise ValidationError(
                {"template": [f"It cannot be rendered for this customer: {error}"]}
            ) from error
        answer = asdict(shown.rendered) | {
            "html": shown.rendered.html,
            "template": wanted["template"],
            "version": version.number,
            "customer": customer.public_id if customer else None,
            "is_suppressed": shown.is_suppressed,
        }
        return Response(RenderedSerializer(answer).data)


def customer_by_public_id(public_id: str) -> Customer:
    """Find a customer by the id that other systems see; 404 for anything else."""
    customer = _find_customer(public_id)
    if customer is None:
        raise Http404("There is no customer with this id.")
    return customer


def _find_customer(public_id: str) -> Customer | None:
    try:
        return Customer.objects.named(public_id)
    except (DjangoValidationError, ValueError):
        return None


def _whole_number(text: str, *, name: str, least: int, most: int) -> int:
    if not text.isdecimal() or len(text) > LONGEST_NUMBER or not least <= int(text) <= most:
        raise ValidationError({name: [f"Give a whole number from {least} to {most}."]})
    return int(text)
