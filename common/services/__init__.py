"""PostgreSQL and Valkey of our own, for installations that name no others.

With no `DATABASE_URL` and `REDIS_URL` a private PostgreSQL 18 and a Valkey 9 run for as long as somebody uses
them, over Unix sockets only, with their data below the `var` folder. How the processes hang together:

- Whoever needs the servers holds a shared lock on the folder (`started`); the kernel drops it when he dies.
- One *supervisor* per folder owns the two servers and ends them once no such lock is left.
- The servers are told by the kernel when the supervisor dies (see `lifeline`), and end as well.
"""

from common.services.places import ServiceError, ServiceUrls, is_embedded, urls, var_folder
from common.services.session import as_configured, started

__all__ = ["ServiceError", "ServiceUrls", "as_configured", "is_embedded", "started", "urls", "var_folder"]
