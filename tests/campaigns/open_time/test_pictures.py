"""The pictures that stand in mails: what is drawn, and which pictures of products are let in."""

from collections.abc import Iterator
from concurrent.futures import wait
from io import BytesIO
from pathlib import Path
from threading import Event

import pytest
from PIL import Image, ImageDraw
from pytest_django import Settings

from campaigns.open_time import photos
from campaigns.open_time.drawing import HIGH, WIDE, _lines, draw
from campaigns.open_time.photos import photo_of, square
from tests.campaigns.open_time.serving import Pictures, pictures_at

TENT = {
    "id": 1, "name": "Tent for two", "price_minor": 4950, "currency": "GBP", "url": "", "image_url": "",
}  # fmt: skip


@pytest.fixture
def served(settings: Settings, tmp_path: Path) -> Iterator[Pictures]:
    """A server of pictures elsewhere, which may be asked."""
    settings.VAR_DIR = tmp_path
    settings.OUTBOUND_ALLOWED = ["127.0.0.1"]
    photos._missed.clear()
    with pictures_at() as server:
        yield server


def image(colour: str = "red", size: tuple[int, int] = (40, 20), kind: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def read(drawn: bytes) -> Image.Image:
    return Image.open(BytesIO(drawn)).convert("RGB")


def test_a_card_has_two_pixels_for_one_and_stays_small() -> None:
    drawn = draw(TENT, None)
    assert read(drawn).size == (WIDE, HIGH) == (520, 700)
    assert len(drawn) < 40_000


def test_name_and_price_are_drawn() -> None:
    plain = draw(TENT, None)
    assert draw(TENT | {"name": "Tent for six"}, None) != plain
    assert draw(TENT | {"price_minor": 4951}, None) != plain
    assert draw(TENT | {"was_minor": 9900}, None) != plain
    assert draw(None, None) != plain


@pytest.mark.parametrize(
    "name", ["", "Łódź Ø", "Палатка", "帐篷", "💥" * 40, "x" * 5000, "a\x00b\u202ec", "<script>"]
)
def test_any_name_can_be_drawn(name: str) -> None:
    assert read(draw(TENT | {"name": name}, None)).size == (WIDE, HIGH)


def test_a_long_name_ends_in_an_ellipsis() -> None:
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    lines = _lines(pen, "Waterproof trekking tent with porch for two people and a dog", width=472)
    assert lines == ["Waterproof trekking tent", "with porch for two people…"]


def test_a_picture_of_this_host_stands_above(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "products").mkdir()
    (tmp_path / "products" / "7.png").write_bytes(image())
    (tmp_path / "secret.png").write_bytes(image())
    own = f"{settings.BASE_URL}/media/"
    photo = photo_of(own + "products/7.png", seconds=0)
    assert read(draw(TENT, photo)).getpixel((260, 260)) == (255, 0, 0)
    assert photo_of(own + "secret.png", seconds=0) is None
    assert photo_of(own + "products/../secret.png", seconds=0) is None
    assert photo_of(own + "products/none.png", seconds=0) is None


def test_a_picture_elsewhere_is_fetched_once(served: Pictures) -> None:
    served.body = image("blue", (2000, 1000), "JPEG")
    first, second = (photo_of(served.url, seconds=60) for _ in range(2))
    assert first == second is not None
    assert served.asked == 1
    picture = square(first)
    assert picture is not None
    assert picture.getpixel((260, 260)) == pytest.approx((0, 0, 255), abs=4)
    assert picture.getpixel((260, 10)) == (255, 255, 255)


def test_one_that_takes_longer_is_there_the_next_time(served: Pictures) -> None:
    served.body, served.may_answer = image(), Event()
    assert photo_of(served.url, seconds=0.0) is None
    served.may_answer.set()
    wait(list(photos._under_way.values()), timeout=60)
    assert photo_of(served.url, seconds=60) is not None
    assert served.asked == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"<svg onload=alert(1)>", b"GIF89a", image(size=(7000, 7000)), b"\x89PNG\r\n\x1a\n" + b"0" * 100],
    ids=["empty", "svg", "cut-off", "too-large", "broken"],
)
def test_what_is_no_picture_is_left_out_and_not_asked_for_again(served: Pictures, body: bytes) -> None:
    served.body = body
    assert [photo_of(served.url, seconds=60) for _ in range(2)] == [None, None]
    assert served.asked == 1


def test_no_picture_is_fetched_from_inside(served: Pictures, settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED = []
    served.body = image()
    assert photo_of(served.url, seconds=60) is None
    assert photo_of("file:///etc/passwd", seconds=60) is None
    assert served.asked == 0
