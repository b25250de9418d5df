"""A second process that maps rows while this one stores them: two cores instead of one.

It is started by exec, asks no database, and ends when its standard input does: with us, however we end. Rows go to it
and what they became comes back as pickles through two pipes, batch by batch in the file's order.
"""

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, Any

from django.conf import settings

from customers.events_in import SharedOrders
from customers.importing.mapper import Mapped, Mapper, ReadRow
from customers.quality.watch import RunProfile

_END_SECONDS = 10
_PROGRAM = f"import django; django.setup(); from {__name__} import main; main()"


class MappingBroke(RuntimeError):
    """The mapping process broke off; the message says at which rows and why."""


class MappingProcess:
    """The process, as the one that stores sees it. At most two batches may be on their way."""

    def __init__(
        self,
        mapping: Mapping[str, Any],
        *,
        header: Sequence[str],
        profile: RunProfile,
        orders: SharedOrders | None,
    ) -> None:
        self._profile = profile
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(settings.BASE_DIR),
            env=os.environ | {"DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE},
        )
        self._send((mapping, header, profile, orders))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def __enter__(self) -> "MappingProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for its end; where something was raised, do not wait for what it still has to do."""
        process = self._process
        if kind is not None:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def send(self, rows: Sequence[ReadRow], *, dropped_until: datetime | None) -> None:
        """Hand over the next batch. Raises MappingBroke where nobody is there to take it."""
        self._send((rows, dropped_until))

    def receive(self, place: str) -> Mapped:
        """Return what became of the batch handed over first, and take over the profile as of then; `place` is named
        where it broke. Raises MappingBroke."""
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)  # noqa: S301 - from our own child
        except (EOFError, pickle.UnpicklingError) as error:
            raise self._ended(place) from error
        if isinstance(answer, str):
            raise MappingBroke(f"{place}: {answer}")
        mapped, profile = answer
        self._profile.take_over(profile)
        return mapped

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            _write(self._process.stdin, message)
        except BrokenPipeError as error:
            raise self._ended("Before all rows were read") from error

    def _ended(self, place: str) -> MappingBroke:
        self._process.kill()
        return MappingBroke(f"{place}: the process that maps them ended ({self._process.wait()}).")


def _write(pipe: IO[bytes], message: Any) -> None:
    pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _messages(pipe: IO[bytes], queue: "SimpleQueue[Any]") -> None:
    """Read ahead in a thread: who writes the next batch must not wait until we have written the last one."""
    try:
        while True:
            queue.put(pickle.load(pipe))  # noqa: S301 - from our own parent
    except (EOFError, pickle.UnpicklingError):
        queue.put(None)


def main() -> None:
    """Map what comes through standard input until that ends. Nothing else may write to our standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    queue: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_messages, args=(sys.stdin.buffer, queue), daemon=True).start()
    try:
        if (begin := queue.get()) is None:
            return
        mapping, header, profile, orders = begin
        mapper = Mapper(mapping, header=header, profile=profile, orders=orders)
        while (batch := queue.get()) is not None:
            rows, dropped_until = batch
            _write(answers, (mapper.map(rows, dropped_until=dropped_until), profile))
    except BrokenPipeError:
        return
    except Exception as error:
        traceback.print_exc()
        _write(answers, f"{type(error).__name__}: {error}")
        os._exit(1)  # the reading thread may be in the middle of a message
