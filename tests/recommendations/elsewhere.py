"""A model that is served elsewhere: on a port of its own."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb


class Served(ThreadingHTTPServer):
    """A model on its own port: `say` makes the answer; what was asked is kept."""

    daemon_threads = True
    status = 200
    failures = 0
    is_hanging = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.released = threading.Event()

    def say(self, question: dict[str, Any]) -> Any:
        rows = [{"id": one["id"], "score": score_of(one["id"])} for one in question["customers"]]
        return {"version": "7", "scores": rows}


class Handler(BaseHTTPRequestHandler):
    server: Served

    def do_POST(self) -> None:
        served = self.server
        served.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        served.tokens.append(self.headers["authorization"])
        if served.is_hanging:
            served.released.wait()
        status = 503 if len(served.asked) <= served.failures else served.status
        said = served.say(served.asked[-1])
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def score_of(public_id: str) -> float:
    """Some chance, always the same for one customer."""
    return int(hashlib.sha256(public_id.encode()).hexdigest()[:4], 16) / 0xFFFF


@contextmanager
def serving() -> Iterator[Served]:
    """A model that answers until the block ends."""
    server = Served()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def write(path: Path, query: str) -> None:
    """A Parquet file of what `query` gives."""
    with duckdb.connect() as database:
        database.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
