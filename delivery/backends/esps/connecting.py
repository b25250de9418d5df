"""Anymail's connections to providers: kept open, never into the house, never by a proxy of the environment."""

from importlib import import_module
from typing import Any, cast

import requests
import urllib3
from django.core.mail import get_connection
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from delivery.answers import Unavailable
from delivery.backends.checked_connections import MOST_BYTES, CheckedHttp, CheckedHttps
from delivery.backends.esps.esp import Connection


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = CheckedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = CheckedHttps


class _Guarded(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager: urllib3.PoolManager
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request and read its answer, which may be packed a thousandfold, to `MOST_BYTES`."""
        response = super().send(request, *args, **kwargs)
        body = bytearray()
        for piece in response.iter_content(65_536):
            body += piece
            if len(body) > MOST_BYTES:
                response.close()
                raise requests.ConnectionError("the answer is too large", request=request)
        response._content = bytes(body)
        return response


def connect(name: str, kwargs: dict[str, Any]) -> Connection:
    """Open Anymail's backend `name`. Nothing in it tries a mail twice by itself. Raises Unavailable."""
    try:
        connection = cast(Connection, get_connection(f"anymail.backends.{name}.EmailBackend", **kwargs))
        connection.open()
        _guard(connection)
    except Exception as error:  # whatever it is, no mail was handed over
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    return connection


def _guard(connection: Connection) -> None:
    """Let a connection's requests go by the ways of this module; Amazon's client has its own pools."""
    if session := getattr(connection, "session", None):
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Guarded())
    elif client := getattr(connection, "client", None):
        manager = client._endpoint.http_session._manager
        manager.pool_classes_by_scheme = import_module("delivery.backends.esps.amazon_pools").POOLS
