"""A toy provider over real HTTP that misbehaves as asked, and knows for certain what it has taken.

Run as a program; its first line says at which port it listens. It takes `POST /` (a mail, its key in Idempotency-Key),
answers `GET /?key=…` and, for the tests, `GET /log`: how often it delivered each key, which it rejected, which it left
in doubt, which came without a mail, and when each was last handed to it (seconds since 1970).
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

BEHAVIOURS = (
    "behaves",
    "throttles",
    "throttles_mutely",
    "fails",
    "stalls",
    "resets",
    "rejects",
    "loses_replies",
)
SHARES = {
    "throttles": 0.01,
    "throttles_mutely": 0.01,
    "fails": 0.01,
    "stalls": 0.001,
    "resets": 0.01,
    "rejects": 0.03,
    "loses_replies": 0.005,
}
"""How often each misbehaves."""
WAITS = ("throttles", "throttles_mutely", "stalls")
MOST_WAITS = 50
"""What costs everybody time happens about so often at most, however many mails there are."""
THROTTLED_SECONDS = 1.0
"""Who throttles takes nothing at all for so long."""


class Provider:
    """Takes mail; `honours_keys` says whether a key is delivered once."""

    def __init__(
        self, behaviour: str, *, honours_keys: bool, stall_seconds: float, mails: int, seed: int
    ) -> None:
        self.behaviour, self.honours_keys, self.stall_seconds = behaviour, honours_keys, stall_seconds
        share = SHARES.get(behaviour, 0.0)
        self.share = min(share, MOST_WAITS / mails) if behaviour in WAITS else share
        self.chance = random.Random(seed)
        self.shut_until = 0.0
        self.delivered: Counter[str] = Counter()
        self.rejected: set[str] = set()
        self.doubtful: set[str] = set()
        self.empty: set[str] = set()
        self.last: dict[str, float] = {}

    async def answer(self, method: str, target: str, key: str) -> tuple[int, dict[str, str], object] | None:
        """Status, headers and body of an answer; None hangs up without one."""
        url = urlsplit(target)
        if method == "GET" and url.path == "/log":
            odd = {name: sorted(getattr(self, name)) for name in ("rejected", "doubtful", "empty")}
            return 200, {}, {"delivered": self.delivered, "last": self.last} | odd
        if method == "GET":
            asked = parse_qs(url.query).get("key", [])
            return 200, {}, {"taken": {one: f"toy-{one}" for one in asked if self.delivered[one]}}
        return await self.take(key)

    async def take(self, key: str) -> tuple[int, dict[str, str], object] | None:
        """Take a mail, or misbehave."""
        self.last[key] = time.time()
        if time.monotonic() < self.shut_until:
            return self.throttle()
        if self.behaviour == "rejects":
            if crc32(key.encode()) % 100 < 3:
                self.rejected.add(key)
                return 422, {}, {"error": "we do not like it"}
        elif self.chance.random() < self.share:
            return await self.misbehave(key)
        return self.deliver(key)

    async def misbehave(self, key: str) -> tuple[int, dict[str, str], object] | None:
        """What happens to the unlucky few."""
        if self.behaviour.startswith("throttles"):
            self.shut_until = time.monotonic() + THROTTLED_SECONDS
            return self.throttle()
        self.doubtful.add(key)
        if self.behaviour == "fails":
            return 500, {}, {"error": "broken"}
        if self.behaviour == "stalls":
            await asyncio.sleep(self.stall_seconds)
            return self.deliver(key)
        if self.behaviour == "loses_replies" or self.chance.random() < 0.5:
            self.deliver(key)
        return None

    def throttle(self) -> tuple[int, dict[str, str], object]:
        """Say that it was too much."""
        headers = {"Retry-After": f"{THROTTLED_SECONDS:.0f}"} if self.behaviour == "throttles" else {}
        return 429, headers, {"error": "slow down"}

    def deliver(self, key: str) -> tuple[int, dict[str, str], object]:
        """Deliver, once where keys are honoured."""
        if not (self.honours_keys and self.delivered[key]):
            self.delivered[key] += 1
        return 200, {}, {"id": f"toy-{key}"}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").rstrip().split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
                }
                mail = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = first.split(" ")
                key = headers.get("idempotency-key", "")
                if method == "POST" and b"Subject: " not in mail:
                    self.empty.add(key)
                answer = await self.answer(method, target, key)
                if answer is None:
                    writer.transport.abort()
                    return
                status, extra, body = answer
                text = json.dumps(body).encode()
                fields = {"Content-Length": str(len(text))} | extra
                lines = [f"HTTP/1.1 {status} Toy", *(f"{name}: {value}" for name, value in fields.items())]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()


async def run(provider: Provider) -> None:
    """Listen until killed."""
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("behaviour", choices=BEHAVIOURS)
    parser.add_argument("--honours-keys", action="store_true")
    parser.add_argument("--stall-seconds", type=float, default=30.0)
    parser.add_argument("--mails", type=int, default=1, help="how many are going to come")
    parser.add_argument("--seed", type=int, default=6)
    args = vars(parser.parse_args())
    asyncio.run(run(Provider(args.pop("behaviour"), **args)))
