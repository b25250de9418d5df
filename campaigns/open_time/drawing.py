"""Drawing a card: the product's picture, its name, its price, and what it cost before."""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from django.contrib.staticfiles import finders
from PIL import Image, ImageDraw, ImageFont

from campaigns.open_time.photos import SIDE, square
from campaigns.open_time.places import HEIGHT, WIDTH, Card
from common.money import format_money

WIDE, HIGH = 2 * WIDTH, 2 * HEIGHT
"""Screens have two pixels for one."""
COLOURS = 128
_INK, _GREY, _SALE, _GROUND = "#1b2a21", "#56635b", "#b3261e", "#eef1ec"
_MARGIN, _NAME_LINES = 24, 2
_ELLIPSIS = "…"


def draw(card: Card | None, photo: Path | None) -> bytes:
    """Return a card as PNG, about 30 KB with a picture; None gives an empty one, so that no mail looks broken."""
    if card is None:
        return _drawn("", 0, 0, "", None, 0.0)
    stamp = photo.stat().st_mtime if photo else 0.0
    return _drawn(card["name"], card["price_minor"], card.get("was_minor", 0), card["currency"], photo, stamp)


@lru_cache(maxsize=256)
def _drawn(
    name: str, price_minor: int, was_minor: int, currency: str, photo: Path | None, stamp: float
) -> bytes:
    """Cards repeat from reader to reader; `stamp` tells a newer picture of the same name."""
    image = Image.new("RGB", (WIDE, HIGH), "white")
    pen = ImageDraw.Draw(image)
    picture = square(photo) if photo else None
    if picture:
        image.paste(picture, ((WIDE - SIDE) // 2, 0))
    elif name:
        pen.rectangle((0, 0, WIDE, SIDE), fill=_GROUND)
    y = SIDE + 14
    for line in _lines(pen, _plain(name), width=WIDE - 2 * _MARGIN):
        _write(pen, (_MARGIN, y), line, size=34, weight="SemiBold", fill=_INK)
        y += 44
    if price_minor:
        _prices(pen, HIGH - 54, price_minor, was_minor, currency)
    out = BytesIO()
    image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.FLOYDSTEINBERG).save(
        out, "PNG"
    )
    return out.getvalue()


def _prices(pen: ImageDraw.ImageDraw, y: int, price_minor: int, was_minor: int, currency: str) -> None:
    """The price, and where it was higher the old one struck through with what it is less."""
    price = format_money(price_minor, currency)
    x = _MARGIN + _write(
        pen,
        (_MARGIN, y),
        price,
        size=34,
        weight="SemiBold" if was_minor else "Regular",
        fill=_SALE if was_minor else _GREY,
    )
    if not was_minor:
        return
    was = format_money(was_minor, currency)
    end = x + 16 + _write(pen, (x + 16, y + 4), was, size=28, weight="Regular", fill=_GREY)
    pen.line((x + 16, y + 24, end, y + 24), fill=_GREY, width=3)
    percent = f"−{round(100 * (was_minor - price_minor) / was_minor)} %"
    _write(pen, (end + 16, y + 4), percent, size=28, weight="SemiBold", fill=_SALE)


def _plain(text: str) -> str:
    """One line of printable characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _lines(pen: ImageDraw.ImageDraw, text: str, *, width: int) -> list[str]:
    """Break a name into lines that fit; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    for word in text[:200].split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > _NAME_LINES:
        lines[_NAME_LINES - 1] += _ELLIPSIS
    return [_cut(line, width) for line in lines[:_NAME_LINES]]


def _cut(line: str, width: int) -> str:
    while _width(line) > width:
        line = line.removesuffix(_ELLIPSIS)[:-1].rstrip() + _ELLIPSIS
    return line


def _width(line: str) -> float:
    return sum(font.getlength(run) for run, font in _runs(line, 34, "SemiBold"))


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, *, size: int, weight: str, fill: str
) -> int:
    """Write a line; return how wide it is."""
    x = float(at[0])
    for run, font in _runs(text, size, weight):
        pen.text((x, at[1]), run, font=font, fill=fill)
        x += font.getlength(run)
    return round(x) - at[0]


def _runs(text: str, size: int, weight: str) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """Cut a text into runs, each with the font that has its letters."""
    runs: list[tuple[str, ImageFont.FreeTypeFont]] = []
    for letter in text:
        font = _font(_file_with(letter), size, weight)
        if runs and runs[-1][1] is font:
            runs[-1] = (runs[-1][0] + letter, font)
        else:
            runs.append((letter, font))
    return runs


@lru_cache(maxsize=4096)
def _file_with(letter: str) -> str:
    """The font that has a letter; the first where none has."""
    files = ("inter-latin.woff2", "inter-latin-ext.woff2")
    return next((file for file in files if letter == " " or _has(file, letter)), files[0])


def _has(file: str, letter: str) -> bool:
    font = _font(file, 34, "Regular")
    return bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))


@lru_cache(maxsize=16)
def _font(file: str, size: int, weight: str) -> ImageFont.FreeTypeFont:
    path = finders.find(f"vendor/inter/{file}")
    font = ImageFont.truetype(str(path), size)
    font.set_variation_by_name(weight)
    return font
