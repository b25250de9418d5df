"""Connections to providers: kept open, never into the house, never by a proxy of the environment."""

from typing import Any, cast

import urllib3
from django.core.mail import get_connection
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from common import outbound
from delivery.answers import Unavailable
from delivery.backends.esps.esp import Connection


class _ToCheckedAddress:
    """Connects to the address that was checked; the certificate is that of the name."""

    _dns_host: str
    port: int

    def _new_conn(self) -> Any:
        name = self._dns_host
        self._dns_host = str(outbound.checked(name, self.port))
        try:
            return super()._new_conn()  # type: ignore[misc]
        finally:
            self._dns_host = name


class _Http(_ToCheckedAddress, HTTPConnection):
    pass


class _Https(_ToCheckedAddress, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Guarded(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager: urllib3.PoolManager
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def connect(name: str, kwargs: dict[str, Any]) -> Connection:
    """Open Anymail's backend `name`. Nothing in it tries a mail twice by itself. Raises Unavailable."""
    try:
        connection = cast(Connection, get_connection(f"anymail.backends.{name}.EmailBackend", **kwargs))
        connection.open()
    except Exception as error:  # whatever it is, no mail was handed over
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    if session := getattr(connection, "session", None):
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Guarded())
    return connection
