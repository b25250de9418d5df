"""`python -m common.services.bound COMMAND …` runs a command that ends when its parent does.

The parent may name itself in `BOUND_TO_PID`.
On Linux the process becomes the command. Elsewhere it stays, watches its parent and passes signals on.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from common.services.lifeline import LIBC, WATCH_SECONDS, bind_to_parent

PARENT = "BOUND_TO_PID"


def run(command: list[str], *, death_signal: signal.Signals = signal.SIGTERM) -> int:
    """Run `command` bound to our parent; return its exit code (on Linux it does not return)."""
    # Asked of the starter where possible: who looks for himself may already see the process that inherited him.
    parent_pid = int(os.environ.pop(PARENT, 0)) or os.getppid()
    program = Path(sys.executable).parent / command[0]
    command = [str(program) if program.exists() else command[0], *command[1:]]
    if LIBC is not None:
        bind_to_parent(parent_pid, death_signal)
        os.execvp(command[0], command)  # noqa: S606 (the caller's own command, no shell wanted)
    child = subprocess.Popen(command)  # noqa: S603
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent_pid:
            child.send_signal(death_signal)
            return child.wait()
        time.sleep(WATCH_SECONDS / 5)
    return child.returncode


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
