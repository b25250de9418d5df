"""The tracking endpoints in the OpenAPI document: made from the structs that decode them."""

from typing import Any

import msgspec

from customers.tracking.protocol import TYPES, Envelope, Item
from customers.tracking.receiving import Receipt
from customers.tracking.refusals import ItemRefusal

_COMPONENTS = "#/components/schemas/{name}"
_SENTENCES = {
    "identify": "Say who somebody is.",
    "track": "Say what somebody did.",
    "page": "Say which page somebody saw.",
    "screen": "Say which screen of an app somebody saw.",
    "group": "Say which group somebody belongs to.",
    "alias": "Say that two ids are one person.",
}
_REFUSALS = {
    "400": "Nothing was stored; `errors` names items and fields.",
    "401": "The write key is missing, unknown, revoked or expired.",
    "403": "The key may not send events.",
    "405": "Only POST is understood.",
    "411": "The length of the body is not said.",
    "413": "The request is larger than 500 KB, or the event than 32 KB.",
    "415": "The body is neither plain nor gzipped.",
    "429": "Too many requests; see Retry-After.",
    "503": "Not now; send the same again.",
}


def add_tracking(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add `/v1/…` to the document that drf-spectacular made (one of its post-processing hooks)."""
    structs = [Item, Envelope, Receipt, ItemRefusal]
    _, components = msgspec.json.schema_components(structs, ref_template=_COMPONENTS)
    components["Envelope"]["properties"]["batch"]["items"] = {"$ref": _COMPONENTS.format(name="Item")}
    components["Item"]["properties"]["type"] = {"type": "string", "enum": list(TYPES)}
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas |= _as_openapi_30(components) | {"TrackingProblem": _problem()}
    security = result["components"].setdefault("securitySchemes", {})
    security["writeKey"] = {
        "type": "http",
        "scheme": "basic",
        "description": "The write key is the user name; the password is empty.",
    }
    paths = result.setdefault("paths", {})
    for name in ("batch", "import"):
        paths[f"/v1/{name}"] = _operation(name, "Send many calls at once.", "Envelope")
    for name in TYPES:
        paths[f"/v1/{name}"] = _operation(name, _SENTENCES[name], "Item")
    paths["/v1/hooks/{name}"] = _hook()
    return result


def _operation(name: str, summary: str, body: str) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"tracking_{name}",
            "tags": ["tracking"],
            "summary": summary,
            "security": [{"writeKey": []}],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": _COMPONENTS.format(name=body)}}},
            },
            "responses": _responses(_REFUSALS),
        }
    }


def _hook() -> dict[str, Any]:
    operation = _operation("hook", "Send signed events of any other system.", "Item")
    post = operation["post"]
    post["security"] = []
    post["requestBody"]["content"]["application/json"]["schema"] = {}
    post["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}] + [
        {"name": header, "in": "header", "required": True, "schema": {"type": "string"}}
        for header in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ]
    told = {
        "401": "The signature does not fit.",
        "404": "There is no such hook.",
        "409": "Its mapping is broken.",
    }
    post["responses"] = _responses({**_REFUSALS, **told})
    return operation


def _responses(refusals: dict[str, str]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": _COMPONENTS.format(name="TrackingProblem")}}}
    taken = {"application/json": {"schema": {"$ref": _COMPONENTS.format(name="Receipt")}}}
    return {"200": {"description": "Taken; refused items are named.", "content": taken}} | {
        status: {"description": text, "content": problem} for status, text in sorted(refusals.items())
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "message")},
            "status": {"type": "integer"},
            "errors": {"type": "array", "items": {"$ref": _COMPONENTS.format(name="ItemRefusal")}},
        },
    }


def _as_openapi_30(schema: Any) -> Any:
    """msgspec writes JSON Schema, where null is a type and no field may be required; OpenAPI 3.0 knows neither."""
    if isinstance(schema, list):
        return [_as_openapi_30(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    left_out = {"anyOf"} if schema.get("required") != [] else {"anyOf", "required"}
    plain = {key: _as_openapi_30(value) for key, value in schema.items() if key not in left_out}
    if not options:
        return plain
    if len(options) < len(schema["anyOf"]):
        plain["nullable"] = True
    if len(options) == 1 and "$ref" not in options[0]:
        return plain | _as_openapi_30(options[0])
    return plain | {"anyOf": _as_openapi_30(options)}
