"""Errors of the REST API as RFC 9457 problem details."""

from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what DRF would answer into `application/problem+json`; None leaves the error to Django (500)."""
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": response.status_text,
        "status": response.status_code,
    }
    if isinstance(error, ValidationError):
        problem["errors"] = error.detail
    elif isinstance(error, APIException):
        problem["detail"] = str(error.detail)
    else:
        problem["detail"] = str(error)
    response.data = problem
    response.content_type = "application/problem+json"
    return response
