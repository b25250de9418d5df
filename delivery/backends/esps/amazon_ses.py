"""Amazon SES speaks through boto3, whose own second tries are off: they would double mails. It takes our bytes."""

from collections.abc import Mapping
from typing import Any

from botocore import exceptions as errors

from delivery.answers import Answer, Deferred, Refused, Uncertain
from delivery.backends.esps import patience
from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field
from delivery.backends.side_by_side import Halt

_NOT_THIS = frozenset({"MessageRejected", "BadRequestException"})
_SERVERS_FAULT = 500


def _judge(response: Any, halt: Halt) -> Answer:
    """Read a boto3 error: the mail is refused, nobody knows, or (as with throttles and keys) nothing is taken now."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVERS_FAULT))
    reason = f"{status} {code}: {response.get('Error', {}).get('Message', '')}"[:200]
    if code in _NOT_THIS and "not verified" not in reason:
        return Refused(reason=reason)
    if status >= _SERVERS_FAULT:
        return Uncertain(reason=reason)
    halt.begin(f"Amazon SES takes nothing: {reason}")
    return Deferred(reason=reason)


def _kwargs(options: Mapping[str, str]) -> dict[str, Any]:
    keys = {
        "aws_access_key_id": options.get("access_key_id"),
        "aws_secret_access_key": options.get("secret_access_key"),
        "region_name": options["region"],
    }
    client: dict[str, Any] = {
        "config": {
            "connect_timeout": patience.CONNECT_SECONDS,
            "read_timeout": patience.ANSWER_SECONDS,
            "retries": {"total_max_attempts": 1},
        }
    }
    if address := options.get("api_url"):
        client["endpoint_url"] = address
    return {
        "session_params": {name: value for name, value in keys.items() if value},
        "client_params": client,
        "configuration_set_name": options.get("configuration_set") or None,
    }


ESP = Esp(
    name="amazon_ses",
    fields=(
        Field(name="region", label="Region", default="eu-west-1", help_text="Such as eu-west-1."),
        Field(
            name="access_key_id",
            label="Access key id",
            is_required=False,
            is_secret=True,
            help_text="Empty: the role of the machine is used.",
        ),
        Field(name="secret_access_key", label="Secret access key", is_secret=True, is_required=False),
        Field(
            name="configuration_set",
            label="Configuration set",
            is_required=False,
            help_text="The one whose events are sent to Regards.",
        ),
    ),
    judge=_judge,
    not_sent=(
        errors.NoCredentialsError,
        errors.PartialCredentialsError,
        errors.EndpointConnectionError,
        errors.ConnectTimeoutError,
    ),
    kwargs=_kwargs,
    spf_include="amazonses.com",
)
