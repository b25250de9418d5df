"""Amazon's kind of connections, with answers that are bounded. Loaded with the first sender by Amazon SES only."""

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from delivery.backends.checked_connections import BoundedAnswer


class _Http(AWSHTTPConnection):  # type: ignore[misc]
    response_class = BoundedAnswer


class _Https(AWSHTTPSConnection):  # type: ignore[misc]
    response_class = BoundedAnswer


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}
