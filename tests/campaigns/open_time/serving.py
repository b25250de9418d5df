"""A server of one picture, over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


def _set() -> Event:
    event = Event()
    event.set()
    return event


@dataclass
class Pictures:
    """What it answers, when it may, and how often it was asked."""

    url: str = ""
    body: bytes = b""
    asked: int = 0
    may_answer: Event = field(default_factory=_set)


@contextmanager
def pictures_at() -> Iterator[Pictures]:
    """Serve on a free port of this machine."""
    served = Pictures()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked += 1
            served.may_answer.wait(10)
            self.send_response(200)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/p.png"
    try:
        yield served
    finally:
        served.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()
