"""Packs and equipment: daypacks, trekking packs, bottles, headlamps, compasses, poles."""

from math import cos, pi, sin

from demo.drawings.canvas import INK, WHITE, Canvas, Drawing, mix

STEEL = (186, 193, 198)
STEEL_DARK = (130, 139, 146)
NEEDLE = (209, 62, 54)
GLOW = (255, 236, 170)


def daypack(c: Canvas, shape: int) -> None:
    """A small pack with a front pocket."""
    p = c.palette
    c.arc((41, 9, 59, 29), start=180, end=360, width=2.4, fill=p.deep)
    c.slab(22, 44, 30, 76, radius=4, fill=p.deep)
    c.slab(70, 44, 78, 76, radius=4, fill=p.deep)
    c.slab(27, 18, 73, 83, radius=15, fill=p.main)
    c.slab(58, 18, 73, 83, radius=12, fill=p.dark)
    c.slab(54, 30, 66, 70, radius=0, fill=p.main)
    c.arc((31, 24, 69, 64), start=190, end=350, width=1.3, fill=p.pale)
    c.slab(33, 54, 67, 79, radius=5, fill=p.light)
    c.line((36, 60), (64, 60), width=1.3, fill=p.deep)
    c.line((60, 60), (62, 65), width=1.4, fill=p.deep)
    if shape:
        c.slab(44, 36, 56, 46, radius=2, fill=mix(p.deep, (150, 104, 70), 0.6))
    else:
        c.line((38, 38), (62, 48), width=0.9, fill=p.pale)
        c.line((62, 38), (38, 48), width=0.9, fill=p.pale)


def trekking_pack(c: Canvas, shape: int) -> None:
    """A tall pack with a lid, side pockets and a rolled mat."""
    p = c.palette
    c.slab(23, 50, 32, 76, radius=4, fill=p.dark)
    c.slab(68, 50, 77, 76, radius=4, fill=p.dark)
    c.slab(29, 20, 71, 83, radius=7, fill=p.main)
    c.slab(58, 22, 71, 83, radius=6, fill=mix(p.main, p.dark, 0.6))
    c.slab(27, 12, 73, 30, radius=8, fill=p.dark)
    c.line((32, 25), (68, 25), width=1.1, fill=p.pale)
    for x in (39, 59):
        c.slab(x, 28, x + 3, 62, radius=0.8, fill=p.deep)
        c.slab(x - 1, 40, x + 4, 45, radius=1, fill=p.pale)
    c.slab(34, 50, 66, 68, radius=4, fill=p.light)
    c.line((37, 55), (63, 55), width=1.2, fill=p.deep)
    if shape:
        c.slab(24, 74, 76, 87, radius=6.5, fill=p.pale)
        c.disc(30.5, 80.5, 4, fill=mix(p.pale, p.main, 0.5))
        c.disc(30.5, 80.5, 1.8, fill=p.pale)
    else:
        c.slab(30, 76, 70, 82, radius=2, fill=p.deep)


def bottle(c: Canvas, shape: int) -> None:
    """A steel flask or a sports bottle."""
    p = c.palette
    if shape:
        c.slab(42, 13, 58, 26, radius=3, fill=STEEL_DARK)
        c.slab(44, 24, 56, 32, radius=1, fill=STEEL)
        c.slab(35, 29, 65, 86, radius=8, fill=p.main)
        c.slab(55, 30, 65, 86, radius=7, fill=p.dark)
        c.slab(39.5, 36, 43, 78, radius=1.7, fill=p.light)
    else:
        c.arc((39, 9, 61, 31), start=180, end=360, width=2.6, fill=p.deep)
        c.slab(37, 19, 63, 32, radius=3, fill=p.deep)
        c.slab(33, 30, 67, 86, radius=7, fill=p.pale)
        c.slab(33, 48, 67, 86, radius=7, fill=p.main)
        c.slab(33, 48, 67, 56, radius=0, fill=p.main)
        c.slab(58, 31, 67, 86, radius=6, fill=mix(p.main, p.dark, 0.5))
        for y in (58, 66, 74):
            c.line((37, y), (43, y), width=1.1, fill=WHITE)
    c.polygon((44, 68), (50, 57), (56, 68), fill=WHITE)
    c.polygon((50, 68), (54, 61), (59, 68), fill=p.pale)


def headlamp(c: Canvas, shape: int) -> None:
    """A lamp on its band, beaming."""
    p = c.palette
    c.polygon((44, 56), (70, 88), (18, 88), fill=mix(p.disc, GLOW, 0.75))
    c.arc((22, 16, 78, 66), start=150, end=390, width=6.5, fill=p.main)
    c.arc((22, 16, 78, 66), start=200, end=340, width=1.4, fill=p.pale)
    if shape:
        c.arc((36, 12, 64, 90), start=205, end=335, width=4, fill=p.dark)
    c.slab(28, 44, 62, 68, radius=7, fill=p.dark)
    c.slab(31, 41, 59, 50, radius=4, fill=p.deep)
    c.disc(45, 57, 10, fill=INK)
    c.disc(45, 57, 8, fill=GLOW)
    c.disc(45, 57, 4, fill=WHITE)
    c.slab(41, 38, 49, 42, radius=1.5, fill=NEEDLE)


def compass(c: Canvas, shape: int) -> None:
    """A compass on a base plate or in a case."""
    p = c.palette
    if shape:
        c.slab(28, 12, 72, 88, radius=7, fill=p.pale)
        c.slab(28, 12, 72, 24, radius=5, fill=p.light)
        for x in range(34, 70, 4):
            c.line((x, 14), (x, 18), width=0.7, fill=p.deep)
        c.polygon((50, 20), (54, 27), (46, 27), fill=p.main)
    else:
        c.ring(50, 18, 7, width=2.4, fill=STEEL_DARK)
        c.slab(46, 20, 54, 28, radius=2, fill=STEEL_DARK)
    x, y = 50, 55
    c.disc(x, y, 28, fill=p.dark)
    c.disc(x, y, 25.5, fill=p.main)
    c.disc(x, y, 21.5, fill=WHITE)
    for turn in range(24):
        angle = 2 * pi * turn / 24
        inner = 16.5 if turn % 6 == 0 else 19
        points = [(x + r * cos(angle), y + r * sin(angle)) for r in (inner, 20.5)]
        c.line(*points, width=1.2 if turn % 6 == 0 else 0.6, fill=INK)
    c.polygon((x + 8, y - 14), (x - 4, y - 2.5), (x + 4, y + 2.5), fill=NEEDLE)
    c.polygon((x - 8, y + 14), (x - 4, y - 2.5), (x + 4, y + 2.5), fill=STEEL_DARK)
    c.disc(x, y, 2.2, fill=INK)


def poles(c: Canvas, shape: int) -> None:
    """A crossed pair of poles."""
    p = c.palette
    for sign in (-1, 1):
        top, bottom = 50 + sign * 20, 50 - sign * 18
        c.line((top, 20), (bottom, 86), width=2.4, fill=STEEL_DARK)
        c.line((top, 20), (50 + sign * 2, 51), width=3.2, fill=p.main if sign > 0 else p.dark)
        c.line((top + sign * 1.2, 13), (top - sign * 3, 31), width=6, fill=p.deep)
        c.disc(top + sign * 1.4, 13, 3.8, fill=p.main)
        c.line((top + sign * 2, 15), (top + sign * 9, 25), (top - sign * 1, 28), width=1.2, fill=p.deep)
        c.oval(bottom + sign * 3, 76, 6.5, 2.4, fill=p.deep if shape else p.main)
        c.line((bottom + sign * 0.6, 84), (bottom, 88), width=1.6, fill=INK)


DRAWINGS: dict[str, Drawing] = {
    "daypack": daypack, "trekking_pack": trekking_pack, "bottle": bottle,
    "headlamp": headlamp, "compass": compass, "poles": poles,
}  # fmt: skip
