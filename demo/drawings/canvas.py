"""A canvas of 100 × 100 units, drawn three times as large as needed and scaled down for smooth edges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]

OVERSAMPLING = 3
WHITE: Colour = (255, 255, 255)
INK: Colour = (44, 52, 58)


@dataclass(frozen=True)
class Palette:
    """The colours of one picture; everything follows from `main`."""

    main: Colour

    @property
    def dark(self) -> Colour:
        """A shade for the side away from the light."""
        return mix(self.main, INK, 0.32)

    @property
    def deep(self) -> Colour:
        """Nearly ink, for openings, soles and straps."""
        return mix(self.main, INK, 0.72)

    @property
    def light(self) -> Colour:
        """A tint for the lit side."""
        return mix(self.main, WHITE, 0.3)

    @property
    def pale(self) -> Colour:
        """A tint for linings, seams and highlights."""
        return mix(self.main, WHITE, 0.58)

    @property
    def background(self) -> Colour:
        """The soft ground of the picture."""
        return mix(self.main, (250, 247, 242), 0.9)

    @property
    def disc(self) -> Colour:
        """The disc behind the product."""
        return mix(self.main, (250, 247, 242), 0.79)

    @property
    def shadow(self) -> Colour:
        """What the product casts on the floor."""
        return mix(self.disc, INK, 0.16)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """So much of the other colour in the one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def rounded(points: Sequence[Point], *, steps: int = 10) -> list[Point]:
    """A closed Catmull–Rom curve through the points."""
    curve: list[Point] = []
    count = len(points)
    for index in range(count):
        p0, p1, p2, p3 = (points[(index + shift) % count] for shift in (-1, 0, 1, 2))
        curve += [
            (
                _spline(p0[0], p1[0], p2[0], p3[0], step / steps),
                _spline(p0[1], p1[1], p2[1], p3[1], step / steps),
            )
            for step in range(steps)
        ]
    return curve


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


class Canvas:
    """Draws in units of a hundredth of the picture's side, the origin at the top left."""

    def __init__(self, side: int, palette: Palette) -> None:
        self.side = side
        self.palette = palette
        self.scale = side * OVERSAMPLING / 100
        self.image = Image.new("RGB", (side * OVERSAMPLING, side * OVERSAMPLING), palette.background)
        self.pen = ImageDraw.Draw(self.image)

    def finished(self) -> Image.Image:
        """The picture at its own size."""
        return self.image.reduce(OVERSAMPLING)

    def polygon(self, *points: Point, fill: Colour) -> None:
        """A straight-edged shape."""
        self.pen.polygon(self._scaled(points), fill=fill)

    def blob(self, *points: Point, fill: Colour) -> None:
        """A soft shape through the points."""
        self.pen.polygon(self._scaled(rounded(points)), fill=fill)

    def line(self, *points: Point, width: float, fill: Colour) -> None:
        """A stroke with round ends."""
        scaled = self._scaled(points)
        self.pen.line(scaled, fill=fill, width=round(width * self.scale), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, fill=fill)

    def disc(self, x: float, y: float, radius: float, *, fill: Colour) -> None:
        """A filled circle."""
        self.oval(x, y, radius, radius, fill=fill)

    def oval(self, x: float, y: float, across: float, up: float, *, fill: Colour) -> None:
        """A filled ellipse around a centre."""
        self.pen.ellipse(self._box(x - across, y - up, x + across, y + up), fill=fill)

    def ring(self, x: float, y: float, radius: float, *, width: float, fill: Colour) -> None:
        """A circle's outline, drawn inwards."""
        box = self._box(x - radius, y - radius, x + radius, y + radius)
        self.pen.ellipse(box, outline=fill, width=round(width * self.scale))

    def arc(
        self, box: tuple[float, float, float, float], *, start: float, end: float, width: float, fill: Colour
    ) -> None:
        """A part of an ellipse's outline; angles clockwise from three o'clock."""
        self.pen.arc(self._box(*box), start, end, fill=fill, width=round(width * self.scale))

    def slab(
        self, left: float, top: float, right: float, bottom: float, *, radius: float, fill: Colour
    ) -> None:
        """A rectangle with round corners."""
        self.pen.rounded_rectangle(self._box(left, top, right, bottom), radius * self.scale, fill=fill)

    def _scaled(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.scale, y * self.scale) for x, y in points]

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return left * self.scale, top * self.scale, right * self.scale, bottom * self.scale


Drawing = Callable[[Canvas, int], None]
