"""Pictures of the generated products: small PNGs that every mail client shows."""

from io import BytesIO

from PIL import Image

from demo.catalogue import Product
from demo.drawings import DRAWINGS, Canvas, Palette
from demo.drawings.canvas import Colour
from demo.kinds import KINDS

SIDE_PX = 240
SHADES: tuple[Colour, ...] = (
    (104, 138, 74), (199, 92, 52), (51, 115, 171), (230, 172, 46),
    (126, 82, 148), (96, 110, 122), (196, 66, 104), (42, 144, 134),
)  # fmt: skip


def draw_product(product: Product, *, side: int = SIDE_PX) -> Image.Image:
    """A product in its colour on a soft ground, `side` pixels square."""
    canvas = Canvas(side, Palette(SHADES[product.colour]))
    canvas.disc(50, 50, 43, fill=canvas.palette.disc)
    canvas.oval(50, 84.5, 30, 3.4, fill=canvas.palette.shadow)
    DRAWINGS[KINDS[product.kind].picture](canvas, product.shape)
    return canvas.finished()


def picture_key(product: Product) -> tuple[str, int, int]:
    """Products with the same key look the same: drawing, colour, shape."""
    return KINDS[product.kind].picture, product.colour, product.shape


def as_png(image: Image.Image) -> bytes:
    """The picture with 64 colours, about 5 KB."""
    out = BytesIO()
    image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()
