"""The settings under test: the project's own, with servers and files that belong to this run alone.

Set before the project's settings are read. Workers of xdist and programs that a test starts inherit both.
"""

import atexit
import os
import shutil
import tempfile

if "REGARDS_TEST_VAR" not in os.environ:
    os.environ["REGARDS_TEST_VAR"] = os.environ["REGARDS_VAR"] = tempfile.mkdtemp(
        prefix="regards-test-", dir="/tmp"
    )
    atexit.register(shutil.rmtree, os.environ["REGARDS_TEST_VAR"], ignore_errors=True)

from config.settings import *  # noqa: F403
