"""Products' own pictures, for the pictures in mails: from this host's files, or fetched once and kept.

A catalogue may name any address: it is asked as colleagues' addresses are (`common.outbound`), for an answer of
bounded size, and only still pictures of bounded dimensions are read.
"""

import hashlib
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TakesLonger
from functools import lru_cache
from pathlib import Path
from threading import Lock

import httpx
from django.conf import settings
from PIL import Image

from common import outbound

logger = logging.getLogger(__name__)

SIDE = 520
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MOST_PIXELS = 40_000_000
MOST_BYTES = 8 * 2**20
MOST_SECONDS = 5.0
KEPT_SECONDS = 24 * 3600
MISSED_SECONDS = 600
"""So long an address that gave no picture is not asked again by this process."""
MOST_UNDER_WAY = 16
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)

_lock = Lock()
_under_way: dict[str, Future[bool]] = {}
_missed: dict[str, float] = {}


def photo_of(image_url: str, *, seconds: float) -> Path | None:
    """Return the file with a product's picture; None where there is none, or it cannot be fetched within `seconds`.

    What takes longer is fetched all the same, for the next who asks.
    """
    media = settings.BASE_URL + settings.MEDIA_URL
    if image_url.startswith(media):
        return _own(image_url.removeprefix(media).partition("?")[0])
    if not image_url.startswith(("https://", "http://")):
        return None
    kept = _kept_at(image_url)
    if kept.exists() and time.time() - kept.stat().st_mtime < KEPT_SECONDS:
        return kept
    future = _fetching(image_url)
    try:
        is_there = future is not None and future.result(timeout=max(0.0, seconds))
    except TakesLonger:
        is_there = False
    return kept if is_there or kept.exists() else None


def square(path: Path) -> Image.Image | None:
    """Return a picture as a square on white, `SIDE` pixels wide; None for a file that is no such picture."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            opened.draft("RGB", (SIDE, SIDE))
            picture = opened.convert("RGBA")
    except _UNREADABLE:
        return None
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if picture.width < SIDE > picture.height:
        scale = SIDE / max(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    ground = Image.new("RGB", (SIDE, SIDE), "white")
    ground.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2), picture)
    return ground


def _own(name: str) -> Path | None:
    """A file below the folder of public pictures, and nowhere else."""
    root = (Path(settings.MEDIA_ROOT) / "products").resolve()
    path = (Path(settings.MEDIA_ROOT) / name).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def _kept_at(url: str) -> Path:
    return Path(settings.VAR_DIR) / "photos" / f"{hashlib.sha256(url.encode()).hexdigest()}.png"


def _fetching(url: str) -> Future[bool] | None:
    """The fetch of an address, begun if it is not under way; None where it failed lately, or too many are."""
    with _lock:
        if url in _under_way:
            return _under_way[url]
        if _missed.get(url, 0.0) > time.monotonic() or len(_under_way) >= MOST_UNDER_WAY:
            return None
        future = _under_way[url] = _threads().submit(_fetch, url)
    return future


def _fetch(url: str) -> bool:
    """Fetch and keep a picture; whether that worked."""
    try:
        is_kept = _keep(url)
    except (httpx.HTTPError, httpx.InvalidURL, *_UNREADABLE) as error:
        logger.info("the picture %s cannot be had: %r", url, error)
        is_kept = False
    with _lock:
        _under_way.pop(url, None)
        if not is_kept:
            _missed[url] = time.monotonic() + MISSED_SECONDS
            while len(_missed) > 10_000:
                _missed.pop(next(iter(_missed)))
    return is_kept


def _keep(url: str) -> bool:
    with outbound.client(timeout=httpx.Timeout(MOST_SECONDS)) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        body = outbound.body_of(answer, most_bytes=MOST_BYTES, most_seconds=MOST_SECONDS)
    path = _kept_at(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{time.monotonic_ns()}.part")
    part.write_bytes(body)
    try:
        picture = square(part)
        if picture is None:
            return False
        picture.save(part, "PNG")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="photos")
