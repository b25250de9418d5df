"""PostgreSQL for root, who may not run it: in a namespace, or as nobody."""

import os
import pwd
import sys
from pathlib import Path

from common.services import privileges
from common.services.privileges import Privileges
from tests.services.conftest import ROOT, processes_of

BLOCKED = [sys.executable, str(ROOT / "tests" / "services" / "in_blocked_namespace.py")]


def owner_of(pid):
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


def namespace_of(pid):
    return Path(f"/proc/{pid}/ns/user").readlink()


def postgres_of(var):
    return next(pid for pid, name in processes_of(var).items() if name == "postgres")


if os.geteuid() == 0:

    def test_root_runs_it_in_a_namespace_and_keeps_the_files(used, program):
        program(used)
        assert privileges.choose(used / "postgres") is Privileges.NAMESPACE
        assert owner_of(postgres_of(used)) == "root"
        assert namespace_of(postgres_of(used)) != namespace_of("self")
        assert (used / "postgres" / "PG_VERSION").stat().st_uid == 0

    def test_without_namespaces_nobody_runs_it_and_the_data_can_be_used_ever_after(var, program):
        var.parent.chmod(0o755)
        blocked = program(var, wrapper=BLOCKED)
        assert blocked.said == "up"
        assert owner_of(postgres_of(var)) == "nobody"
        blocked.end()
        assert program(var).said == "up"
        assert owner_of(postgres_of(var)) == "nobody"

    def test_data_of_a_roots_namespace_go_over_to_nobody(used, program):
        used.parent.chmod(0o755)
        assert program(used, wrapper=BLOCKED).said == "up"
        assert owner_of(postgres_of(used)) == "nobody"

    def test_where_nobody_cannot_enter_either_that_is_said(var, program):
        var.parent.chmod(0o700)
        assert program(var, wrapper=BLOCKED).said == (
            "PostgreSQL does not run as root, this system allows root no user namespace, and the user nobody "
            f"cannot enter {var}: start as an ordinary user, or set REGARDS_VAR to a folder that all users may enter."
        )
        assert processes_of(var) == {}

else:

    def test_an_ordinary_user_runs_it_as_himself(used, program):
        program(used)
        assert privileges.choose(used / "postgres") is Privileges.OWN
        assert Path(f"/proc/{postgres_of(used)}").stat().st_uid == os.geteuid()
