"""An SMTP server over real sockets whose every answer a test may choose."""

import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

HANG_UP = ""
Script = Callable[[str, str, int], str | None]
"""(step, argument, which time on this server) → another answer than yes, or HANG_UP, or None."""

_YES = {
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go on",
    "RSET": "250 2.0.0 Ok",
    "CONTENT": "250 2.0.0 Ok: queued as 4Xyz{0}",
}


@dataclass
class Log:
    """What the server saw."""

    connections: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, script: Script, features: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.script, self.features, self.log = script, features, Log()
        self.times: dict[str, int] = {}

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    server: Server

    is_begun = False

    def handle(self) -> None:
        self.server.log.connections += 1
        self.say("220 sink")
        while line := self.rfile.readline():
            command = line.decode().strip()
            word = command.split()[0].upper()
            if word == "EHLO":
                for feature in ("sink", *self.server.features):
                    self.say(f"250-{feature}")
                self.say("250 HELP")
                continue
            self.server.log.commands.append(command)
            if not self.answer(word, command):
                return
            if word == "DATA" and self.last.startswith("354") and not self.take():
                return

    def take(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line)
        if self.answer("CONTENT", "") and self.last.startswith("250"):
            self.server.log.mails.append(b"".join(lines))
        return bool(self.last)

    def answer(self, step: str, argument: str) -> bool:
        count = self.server.times[step] = self.server.times.get(step, 0) + 1
        told = self.server.script(step, argument, count)
        if not self.is_begun and step in ("RCPT", "DATA") and told is None:
            told = "503 5.5.1 not yet"
        self.last = _YES[step].format(count) if told is None else told
        if step in ("MAIL", "RCPT"):
            self.is_begun = self.last.startswith("250")
        if self.last:
            self.say(self.last)
        return bool(self.last) and not self.last.startswith("421")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def serving(
    script: Script = lambda step, argument, count: None,
    *,
    features: tuple[str, ...] = ("PIPELINING", "SIZE 100000", "8BITMIME"),
) -> Iterator[Server]:
    with Server(script, features) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
