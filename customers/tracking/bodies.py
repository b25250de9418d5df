"""Reads a request's body: never more than the limit, packed or unpacked."""

import zlib
from http import HTTPStatus

from django.http import HttpRequest

from customers.tracking.refusals import BadRequest

MAX_BODY_BYTES = 500 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def read_body(request: HttpRequest) -> bytes:
    """Return the body, unpacked where it is gzipped. Raises BadRequest (400, 411, 413, 415)."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise BadRequest(HTTPStatus.LENGTH_REQUIRED, "Say how long the body is (Content-Length).")
    if int(length) > MAX_BODY_BYTES:
        raise _too_large()
    body: bytes = request.read(int(length))
    if len(body) < int(length):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The body ended before its Content-Length.")
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body plain or gzipped.")
    return _unpacked(body)


def _unpacked(body: bytes) -> bytes:
    """At most the limit and one byte are ever unpacked: a small body that unpacks to a large one is refused."""
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = unpacker.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The body is not valid gzip.") from error
    if len(plain) > MAX_BODY_BYTES:
        raise _too_large()
    if not unpacker.eof:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The gzipped body ends too early.")
    if unpacker.unused_data:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "Something follows the gzipped body.")
    return plain


def _too_large() -> BadRequest:
    limit = MAX_BODY_BYTES // 1024
    return BadRequest(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request may hold {limit} KB; send smaller batches."
    )
