"""The settings under test: the project's own, with servers and files that belong to this run alone.

Set before the project's settings are read. Workers of xdist and programs that a test starts inherit them.
A database or a Valkey named in the environment or in `.env` is somebody's own, and is left alone; to run the
suite on given servers, name them as REGARDS_TEST_DATABASE_URL and REGARDS_TEST_REDIS_URL.
"""

import atexit
import os
import shutil
import tempfile

if "REGARDS_TEST_VAR" not in os.environ:
    os.environ["REGARDS_TEST_VAR"] = os.environ["REGARDS_VAR"] = tempfile.mkdtemp(
        prefix="regards-test-", dir="/tmp"
    )
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ[name] = os.environ.get(f"REGARDS_TEST_{name}", "")
    atexit.register(shutil.rmtree, os.environ["REGARDS_TEST_VAR"], ignore_errors=True)

os.environ.setdefault("MAILGUN_WEBHOOK_SIGNING_KEY", "test-signing-key")
os.environ.setdefault("OUTBOUND_ALLOWED", "127.0.0.1")
os.environ.setdefault("BASE_URL", "http://127.0.0.1:8000")

# A loaded machine is slow, not wrong: no test may fail on its time.
from hypothesis import settings as hypothesis_settings

from config.settings import *  # noqa: F403
from config.settings import CACHES

# Each worker of xdist counts and empties in a database of its own, as it has a PostgreSQL database of its own.
if _worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    CACHES["default"]["LOCATION"] = f"{CACHES['default']['LOCATION']}?db={int(_worker) % 15 + 1}"

hypothesis_settings.register_profile("regards", deadline=None)
hypothesis_settings.load_profile("regards")
