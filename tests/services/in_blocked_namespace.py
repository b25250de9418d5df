"""`python in_blocked_namespace.py COMMAND …` runs a command as a root who may make no user namespace.

The command gets a namespace with all users in it, in which the limit of further namespaces is zero.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def main(command: list[str]) -> int:
    """Run the command and return its exit code."""
    libc = ctypes.CDLL(None, use_errno=True)
    unshared, tell_unshared = os.pipe()
    mapped, tell_mapped = os.pipe()
    pid = os.fork()
    if pid == 0:
        if libc.unshare(CLONE_NEWUSER):
            os._exit(70)
        os.write(tell_unshared, b"x")
        os.read(mapped, 1)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        os.execvp(command[0], command)
    os.read(unshared, 1)
    for kind in ("uid", "gid"):
        Path(f"/proc/{pid}/{kind}_map").write_text("0 0 65536")
    os.write(tell_mapped, b"x")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
