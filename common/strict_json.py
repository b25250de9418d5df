"""JSON bodies of the REST API, read without surprises: one meaning for each text, and no more of it than a limit."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from common.plain_data import PlainDataError, load_plain

MOST_BYTES = 1_000_000


class TooLarge(APIException):
    """The body is larger than MOST_BYTES."""

    status_code = 413
    default_detail = f"A body has at most {MOST_BYTES:,} bytes."


class StrictJSONParser(BaseParser):
    """An object in JSON. Repeated keys, NaN, halves of characters and bottomless nesting are refused."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object. Raises ParseError (400) with the place, and TooLarge (413)."""
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise TooLarge
        try:
            written = raw.decode()
            loaded = load_plain(written) if written.lstrip()[:1] == "{" else None
            json.dumps(loaded, ensure_ascii=False).encode()
        except UnicodeError as error:
            raise ParseError("The body holds what is no character of UTF-8.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deep.") from error
        except PlainDataError as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        if not isinstance(loaded, dict):
            raise ParseError("The body has to be an object in JSON: {…}.")
        return loaded
