"""Clothes and shoes."""

from demo.drawings.canvas import WHITE, Canvas, Drawing, mix

RUBBER = (58, 60, 62)


def jacket(c: Canvas, shape: int) -> None:
    """A hooded shell with a zip, plain or with a yoke."""
    p = c.palette
    c.polygon((33, 32), (22, 38), (13, 74), (24, 78), (35, 52), fill=p.main)
    c.polygon((67, 32), (78, 38), (87, 74), (76, 78), (65, 52), fill=p.dark)
    c.blob((36, 36), (38, 19), (50, 13), (62, 19), (64, 36), (50, 40), fill=p.dark)
    c.blob((42, 33), (43, 22), (50, 18), (57, 22), (58, 33), (50, 37), fill=p.deep)
    c.polygon((33, 31), (50, 35), (67, 31), (70, 82), (30, 82), fill=p.main)
    c.polygon((50, 35), (67, 31), (70, 82), (50, 82), fill=mix(p.main, p.dark, 0.45))
    if shape:
        c.polygon((33, 31), (50, 35), (67, 31), (68, 47), (50, 50), (32, 47), fill=p.light)
    c.line((50, 34), (50, 82), width=1.3, fill=p.pale)
    c.line((36, 62), (41, 72), width=1.3, fill=p.deep)
    c.line((64, 62), (59, 72), width=1.3, fill=p.deep)
    c.slab(13.5, 70, 24.5, 76, radius=1.5, fill=p.deep)
    c.slab(75.5, 70, 86.5, 76, radius=1.5, fill=p.deep)


def fleece(c: Canvas, shape: int) -> None:
    """A pullover with a collar and a chest pocket."""
    p = c.palette
    c.blob((34, 28), (22, 34), (13, 70), (18, 77), (26, 74), (36, 50), fill=p.light)
    c.blob((66, 28), (78, 34), (87, 70), (82, 77), (74, 74), (64, 50), fill=p.main)
    c.slab(31, 28, 69, 82, radius=6, fill=p.light)
    c.slab(50, 28, 69, 82, radius=6, fill=mix(p.light, p.main, 0.5))
    c.slab(47, 28, 53, 82, radius=0, fill=mix(p.light, p.main, 0.25))
    c.slab(40, 17, 60, 33, radius=4, fill=p.main)
    c.slab(45, 20, 55, 33, radius=2, fill=p.deep)
    c.line((50, 24), (50, 52 if shape else 46), width=1.4, fill=p.deep)
    c.slab(55, 44, 66, 56, radius=1.5, fill=p.main)
    c.line((55.5, 46.5), (65.5, 46.5), width=1, fill=p.deep)
    c.slab(31, 78, 69, 83, radius=2, fill=p.main)


def trousers(c: Canvas, shape: int) -> None:
    """Walking trousers, with a thigh pocket on some."""
    p = c.palette
    c.polygon(
        (34, 16), (66, 16), (70, 44), (68, 86), (55, 86), (50, 44), (45, 86), (32, 86), (30, 44), fill=p.main
    )
    c.polygon((50, 16), (66, 16), (70, 44), (68, 86), (55, 86), (50, 44), fill=p.dark)
    c.slab(33.5, 14, 66.5, 20, radius=1.5, fill=p.deep)
    c.slab(46, 14.5, 54, 19.5, radius=1, fill=p.pale)
    c.line((36, 22), (33, 31), width=1.1, fill=p.deep)
    c.line((64, 22), (67, 31), width=1.1, fill=p.deep)
    if shape:
        c.slab(33, 46, 42, 58, radius=1.5, fill=p.dark)
        c.line((33.5, 49), (41.5, 49), width=1, fill=p.deep)
    else:
        c.polygon((31.5, 56), (46.5, 56), (45.8, 68), (31.8, 68), fill=p.light)
        c.polygon((53.5, 56), (68.7, 56), (68.4, 68), (54.2, 68), fill=p.main)


def beanie(c: Canvas, shape: int) -> None:
    """A ribbed hat, with a bobble on some."""
    p = c.palette
    if shape:
        c.disc(50, 22, 10, fill=p.pale)
        c.disc(53, 24, 6.5, fill=mix(p.pale, p.main, 0.25))
    c.blob((20, 64), (24, 40), (50, 25), (76, 40), (80, 64), (50, 70), fill=p.main)
    c.blob((58, 27), (76, 40), (80, 64), (66, 68), (68, 46), fill=p.dark)
    for low, high in ((33, 40), (44, 46), (56, 54), (67, 60)):
        c.line((low, 62), (high, 32), width=0.9, fill=p.light)
    c.slab(16, 58, 84, 77, radius=6, fill=p.dark)
    for x in range(22, 82, 6):
        c.line((x, 61), (x, 74), width=1.2, fill=p.main)
    c.slab(56, 63, 68, 72, radius=1.5, fill=p.pale)


def socks(c: Canvas, shape: int) -> None:
    """A pair, one behind the other."""
    p = c.palette
    for dx, body, patch in ((12, p.dark, p.deep), (-4, p.main, p.dark)):
        c.polygon((34 + dx, 18), (54 + dx, 18), (53 + dx, 58), (36 + dx, 62), fill=body)
        c.blob(
            (36 + dx, 52),
            (54 + dx, 50),
            (68 + dx, 68),
            (72 + dx, 80),
            (56 + dx, 82),
            (38 + dx, 68),
            fill=body,
        )
        c.blob((58 + dx, 68), (68 + dx, 68), (73 + dx, 78), (62 + dx, 83), fill=patch)
        c.blob((35 + dx, 54), (43 + dx, 56), (43 + dx, 68), (37 + dx, 68), fill=patch)
        c.slab(33 + dx, 15, 55 + dx, 24, radius=2, fill=p.pale)
        for y in (31, 37, 43) if shape else (34,):
            c.line((36 + dx, y), (52.5 + dx, y), width=2, fill=p.light)


def boot(c: Canvas, shape: int) -> None:
    """A hiking boot from the side, high or mid."""
    p = c.palette
    top = 20 if shape else 28
    c.blob(
        (26, top),
        (46, top - 1),
        (50, 44),
        (66, 54),
        (84, 60),
        (86, 73),
        (50, 75),
        (20, 73),
        (22, 48),
        fill=p.main,
    )
    c.blob((22, 50), (32, 52), (36, 72), (20, 74), fill=p.dark)
    c.blob((68, 57), (84, 61), (86, 73), (70, 74), fill=p.dark)
    c.slab(24, top - 4, 48, top + 4, radius=4, fill=p.deep)
    c.slab(17, 71, 87, 78, radius=3, fill=p.pale)
    c.slab(16, 75, 88, 83, radius=3, fill=RUBBER)
    for x in range(22, 86, 9):
        c.polygon((x, 83), (x + 5, 83), (x + 4, 86), (x + 1, 86), fill=RUBBER)
    for x, y in ((45, top + 9), (47, 42), (53, 49), (61, 54)):
        c.line((x - 8, y + 3), (x + 1, y), width=1.7, fill=p.pale)
        c.disc(x - 8, y + 3, 1.3, fill=p.deep)


def shoe(c: Canvas, shape: int) -> None:
    """A low trail shoe from the side."""
    p = c.palette
    c.blob(
        (18, 44), (28, 40), (38, 48), (52, 40), (66, 54), (86, 60), (88, 70), (50, 73), (15, 70), fill=p.main
    )
    c.blob((15, 50), (24, 46), (30, 70), (14, 71), fill=p.dark)
    c.blob((70, 57), (86, 60), (89, 70), (72, 72), fill=p.dark)
    c.blob((22, 42), (29, 40), (38, 47), (50, 41), (42, 52), (28, 52), fill=p.deep)
    if shape:
        c.line((34, 68), (48, 56), (60, 68), width=2.6, fill=p.pale)
    else:
        for x in (38, 46, 54):
            c.line((x, 69), (x + 8, 57), width=2.2, fill=p.pale)
    for x, y in ((52, 43), (58, 48), (64, 53)):
        c.line((x - 7, y + 4), (x + 1, y), width=1.6, fill=WHITE)
    c.blob((12, 69), (50, 71), (88, 68), (90, 75), (50, 79), (13, 77), fill=WHITE)
    c.blob((13, 75), (50, 77), (90, 74), (86, 80), (50, 82), (16, 81), fill=RUBBER)


def sandal(c: Canvas, shape: int) -> None:
    """An open sandal from the side."""
    p = c.palette
    c.blob(
        (12, 66),
        (30, 63),
        (56, 70),
        (86, 68),
        (90, 74),
        (50, 80),
        (14, 76),
        fill=mix(p.main, (196, 160, 120), 0.6),
    )
    c.blob((12, 73), (50, 78), (90, 73), (86, 82), (50, 85), (15, 82), fill=RUBBER)
    c.line((18, 66), (20, 46), (34, 42), width=5, fill=p.main)
    c.line((34, 42), (46, 46), (50, 70), width=5, fill=p.dark)
    c.line((62, 71), (68, 55), (80, 68), width=6, fill=p.main)
    if shape:
        c.line((44, 48), (66, 58), width=4, fill=p.main)
    c.slab(30, 38, 41, 47, radius=2, fill=p.deep)
    c.disc(68, 57, 2.6, fill=p.pale)


DRAWINGS: dict[str, Drawing] = {
    "jacket": jacket, "fleece": fleece, "trousers": trousers, "beanie": beanie,
    "socks": socks, "boot": boot, "shoe": shoe, "sandal": sandal,
}  # fmt: skip
