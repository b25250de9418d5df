"""Prints what becomes of everybody when things go wrong: `python -m tests.faults.table --messages 2000`.

Each line is one send by one kind of bad provider, with killed workers, crashed databases, emptied and killed Valkeys,
workers that stand still for longer than a lease, pauses and withdrawals. What doubts allow is what `trials.NATURAL`
says unless told otherwise. Progress goes to stderr. Ends with 1 if a line is wrong, or not over in time. Runs on a
PostgreSQL and a Valkey of its own, in a folder that goes afterwards.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import django

from common.services.places import make_folders, places
from tests.faults.toy_provider import BEHAVIOURS

LEASE_SECONDS = 24


def main(arguments: list[str]) -> int:
    """Run the trials that were asked for and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--stall-seconds", type=float, default=30.0)
    parser.add_argument("--share", type=float, default=1.0, help="of all troubles")
    parser.add_argument("--behaviours", nargs="+", choices=BEHAVIOURS, default=list(BEHAVIOURS))
    parser.add_argument("--in-doubt", nargs="+", choices=["repeat", "ask", "leave"])
    parser.add_argument("--most-seconds", type=float, help="for one line; 300 and one for each 80 messages")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    var = Path(tempfile.mkdtemp(prefix="regards-faults-", dir="/tmp"))
    _configure(var, stall_seconds=asked.stall_seconds)
    make_folders(places(var))
    django.setup()
    trials = import_module("tests.faults.trials")
    servers = trials.Servers(places(var))
    try:
        import_module("django.core.management").call_command("migrate", verbosity=0)
        print(trials.head(), flush=True)
        wrong = 0
        for behaviour in asked.behaviours:
            for in_doubt in asked.in_doubt or [trials.NATURAL[behaviour]]:
                report = trials.try_it(
                    servers,
                    behaviour,
                    trials.InDoubt(in_doubt),
                    messages=asked.messages,
                    stall_seconds=asked.stall_seconds,
                    most_seconds=asked.most_seconds or 300 + asked.messages / 80,
                    share=asked.share,
                )
                wrong += not report.is_right
                print(trials.line_of(report), flush=True)
        if wrong:
            print((places(var).logs / "workers.log").read_text()[-10_000:], file=sys.stderr)
        return int(bool(wrong))
    finally:
        servers.stop()
        shutil.rmtree(var, ignore_errors=True)
        shutil.rmtree(places(var).run, ignore_errors=True)


def _configure(var: Path, *, stall_seconds: float) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "REGARDS_VAR": str(var),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "OUTBOUND_ALLOWED": "127.0.0.1",
        "DELIVERY_LEASE_SECONDS": str(LEASE_SECONDS),
        "DELIVERY_ASK_AFTER_SECONDS": str(int(stall_seconds) + 5),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
