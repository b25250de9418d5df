"""A process that must not outlive the one that started it.

Linux sends a signal of our choice when the starting *thread* dies (`PR_SET_PDEATHSIG`); it binds the direct
child only and is cleared by a change of user, so it is set last and the parent is looked at once more.
Elsewhere a thread watches the parent.
"""

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 1.0

# Loaded here, not in the forked child: there a thread that no longer exists may hold the loader's lock.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def bind_to_parent(parent_pid: int, death_signal: signal.Signals = signal.SIGTERM) -> None:
    """Let `death_signal` reach this process when its parent dies; end at once where it is dead already.

    Survives `exec` on Linux. Elsewhere it does not: use `die_with_parent` in the running program.
    """
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def die_with_parent(death_signal: signal.Signals = signal.SIGTERM, *, parent_pid: int | None = None) -> None:
    """Bind the running program to its parent, by default the present one, on every system."""
    parent_pid = parent_pid or os.getppid()
    bind_to_parent(parent_pid, death_signal)
    if LIBC is None:
        watch = threading.Thread(target=_signal_when_orphaned, args=(os.getpid(), parent_pid, death_signal))
        watch.daemon = True
        watch.start()


def _signal_when_orphaned(pid: int, parent_pid: int, death_signal: signal.Signals) -> None:
    while os.getppid() == parent_pid:
        time.sleep(WATCH_SECONDS)
    os.kill(pid, death_signal)
