"""What other programs ask about conditions."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from segments.conditions import schema


@login_not_required
@require_safe
def condition_schema(request: HttpRequest) -> JsonResponse:
    """Answer with the JSON Schema of conditions; it says nothing about anybody, so no key is asked for."""
    response = JsonResponse(schema.condition_schema(), json_dumps_params={"indent": 2})
    response["Content-Type"] = "application/schema+json"
    return response
