"""Camping and climbing: tents, sleeping bags, mats, stoves, lanterns, ropes, carabiners, helmets."""

from math import cos, pi, sin

from demo.drawings.canvas import INK, WHITE, Canvas, Drawing, mix

STEEL = (176, 184, 189)
STEEL_DARK = (126, 135, 142)
FLAME = (242, 153, 48)
GLOW = (255, 226, 140)


def tent(c: Canvas, shape: int) -> None:
    """A ridge tent or a dome, its door half open."""
    p = c.palette
    for x, y in ((12, 78), (88, 78)):
        c.line((50, 34), (x, y), width=0.7, fill=p.dark)
    if shape:
        c.blob((16, 77), (24, 50), (50, 28), (76, 50), (84, 77), (50, 78), fill=p.main)
        c.blob((50, 28), (68, 46), (84, 77), (62, 78), fill=p.dark)
        c.polygon((50, 42), (61, 78), (39, 78), fill=p.deep)
        c.polygon((50, 42), (39, 78), (33, 78), fill=p.pale)
        c.line((28, 49), (72, 49), width=1, fill=p.light)
        return
    c.polygon((50, 26), (84, 77), (16, 77), fill=p.main)
    c.polygon((50, 26), (84, 77), (62, 77), fill=p.dark)
    c.polygon((50, 38), (62, 77), (39, 77), fill=p.deep)
    c.polygon((50, 38), (39, 77), (32, 77), fill=p.pale)
    c.line((50, 26), (47, 21), width=1.4, fill=p.deep)
    c.line((50, 26), (53, 21), width=1.4, fill=p.deep)


def sleeping_bag(c: Canvas, shape: int) -> None:
    """A mummy bag, seen from above, its hood open."""
    p = c.palette
    c.blob((33, 24), (50, 15), (67, 24), (69, 45), (62, 80), (50, 86), (38, 80), (31, 45), fill=p.main)
    c.blob((60, 22), (67, 24), (69, 45), (62, 80), (52, 86), (60, 60), fill=p.dark)
    c.oval(50, 29, 12.5, 11, fill=p.deep)
    c.oval(50, 31, 9.5, 8, fill=p.pale)
    for y in (48, 58, 68, 77):
        inset = (y - 48) * 0.22
        c.line((34 + inset, y), (50, y + 2), (66 - inset, y), width=0.8, fill=p.light)
    c.line((50, 41), (50 + 3 * shape, 62), width=1.2, fill=p.pale)


def mat(c: Canvas, shape: int) -> None:
    """A mat, mostly rolled up."""
    p = c.palette
    c.polygon((34, 62), (86, 62), (90, 74), (38, 74), fill=p.light)
    for x in (48, 58, 68, 78):
        c.line((x, 62), (x + 3.5, 74), width=0.8, fill=p.main)
    c.slab(22, 36, 70, 74, radius=18, fill=p.main)
    c.disc(34, 55, 19, fill=p.dark)
    for radius, colour in ((15.5, p.light), (12, p.dark), (8.5, p.light), (5, p.dark), (2, p.deep)):
        c.disc(34, 55, radius, fill=colour)
    for x in (56, 64) if shape else (60,):
        c.slab(x, 36, x + 3.4, 74, radius=1, fill=p.deep)


def stove(c: Canvas, shape: int) -> None:
    """A burner on a gas cartridge, lit, with a pot above on some."""
    p = c.palette
    if shape:
        c.slab(33, 17, 67, 38, radius=3, fill=STEEL)
        c.slab(31, 15, 69, 19, radius=2, fill=STEEL_DARK)
        c.line((67, 24), (82, 22), width=2.2, fill=p.deep)
    flame = 40 if shape else 30
    c.blob((40, 50), (43, flame + 4), (50, flame - 2), (57, flame + 4), (60, 50), fill=FLAME)
    c.blob((45, 50), (50, flame + 6), (55, 50), fill=GLOW)
    c.line((36, 44), (42, 54), width=1.8, fill=INK)
    c.line((64, 44), (58, 54), width=1.8, fill=INK)
    c.slab(40, 49, 60, 54, radius=1.5, fill=STEEL_DARK)
    c.slab(46, 53, 54, 60, radius=1, fill=STEEL)
    c.line((54, 57), (66, 57), width=1.6, fill=INK)
    c.slab(30, 59, 70, 82, radius=6, fill=p.main)
    c.slab(56, 59, 70, 82, radius=6, fill=p.dark)
    c.slab(30, 67, 70, 74, radius=0.5, fill=p.pale)


def lantern(c: Canvas, shape: int) -> None:
    """A lantern that glows."""
    p = c.palette
    c.disc(50, 52, 29, fill=mix(p.disc, GLOW, 0.55))
    c.arc((34, 12, 66, 48), start=180, end=360, width=2, fill=p.deep)
    c.slab(36, 27, 64, 35, radius=3, fill=p.main)
    c.slab(40, 23, 60, 29, radius=3, fill=p.dark)
    if shape:
        c.oval(50, 52, 17, 19, fill=mix(GLOW, WHITE, 0.35))
        c.oval(50, 54, 9, 11, fill=GLOW)
    else:
        c.slab(37, 34, 63, 70, radius=2, fill=mix(GLOW, WHITE, 0.35))
        c.slab(44, 42, 56, 70, radius=4, fill=GLOW)
        for x in (37.0, 61.5):
            c.slab(x, 33, x + 1.8, 71, radius=0.8, fill=p.dark)
    c.slab(33, 68, 67, 81, radius=4, fill=p.main)
    c.slab(56, 68, 67, 81, radius=4, fill=p.dark)
    c.disc(50, 75, 2.4, fill=p.pale)


def rope(c: Canvas, shape: int) -> None:
    """A coil, tied round its middle."""
    p = c.palette
    for step, (x, y) in enumerate(((44, 46), (56, 46), (47, 52), (53, 52), (50, 49))):
        c.ring(x, y, 27, width=4.2, fill=p.dark if step % 2 else p.main)
        for turn in range(18):
            angle = 2 * pi * turn / 18 + step * 0.3
            c.disc(x + 25 * cos(angle), y + 25 * sin(angle), 0.9, fill=p.pale)
    c.slab(42, 64, 58, 86, radius=4, fill=p.main)
    for height in (67.0, 71.5, 76.0, 80.5):
        c.line((43.5, height + 2), (56.5, height), width=1.5, fill=p.light if shape else p.pale)
    c.line((57, 82), (70, 87), width=3.6, fill=p.dark)


def carabiner(c: Canvas, shape: int) -> None:
    """A pear or a D, with its gate."""
    p = c.palette
    outer = [(38, 18), (60, 16), (71, 30), (64, 62), (56, 81), (41, 80), (34, 62), (31, 32)]
    inner = [(41, 26), (57, 24), (63, 33), (57, 60), (52, 73), (44, 72), (41, 60), (39, 34)]
    if shape:
        outer = [(33, 22), (52, 13), (69, 24), (68, 60), (58, 82), (42, 82), (32, 62), (30, 40)]
        inner = [(39, 28), (52, 21), (61, 30), (60, 57), (54, 73), (45, 73), (40, 59), (38, 42)]
    c.blob(*outer, fill=p.main)
    c.blob(*[(x + 0.5, y) for x, y in inner], fill=p.disc)
    c.line((33.5, 38), (36.5, 62), width=1.6, fill=p.light)
    c.line((62, 32), (56.5, 66), width=5.4, fill=STEEL)
    c.line((62.6, 33), (57.6, 62), width=1.3, fill=WHITE)
    c.disc(56.5, 66, 2, fill=STEEL_DARK)
    c.slab(56.5, 42, 65, 53, radius=2, fill=p.dark)


def helmet(c: Canvas, shape: int) -> None:
    """A climbing helmet from the side."""
    p = c.palette
    c.line((28, 58), (42, 82), (52, 84), width=2, fill=p.deep)
    c.line((68, 58), (52, 84), width=2, fill=p.deep)
    c.blob((17, 58), (20, 38), (42, 22), (66, 25), (81, 44), (83, 58), (50, 62), fill=p.main)
    c.blob((50, 23), (66, 25), (81, 44), (83, 58), (64, 61), (68, 42), fill=p.dark)
    c.slab(14, 55, 86, 62, radius=3.5, fill=p.deep)
    for x, y in ((34, 38), (46, 34), (58, 35)) if shape else ((36, 40), (52, 37)):
        c.blob((x, y), (x + 6, y - 3), (x + 7, y + 5), (x + 1, y + 8), fill=p.deep)
    c.line((23, 50), (29, 37), width=1.8, fill=p.light)
    c.slab(46, 81, 58, 87, radius=2, fill=INK)


DRAWINGS: dict[str, Drawing] = {
    "tent": tent, "sleeping_bag": sleeping_bag, "mat": mat, "stove": stove,
    "lantern": lantern, "rope": rope, "carabiner": carabiner, "helmet": helmet,
}  # fmt: skip
