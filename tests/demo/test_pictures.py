"""The drawn pictures of the products."""

from io import BytesIO

from PIL import Image

from demo.drawings import DRAWINGS
from demo.kinds import KINDS
from demo.pictures import as_png, draw_product, picture_key
from demo.world import World


def test_there_is_a_drawing_for_every_category() -> None:
    assert {kind.picture for kind in KINDS} == set(DRAWINGS)


def test_a_picture_is_a_small_square_png(world: World) -> None:
    for product in world.catalogue.products[::5]:
        data = as_png(draw_product(product))
        with Image.open(BytesIO(data)) as image:
            assert (image.format, image.size) == ("PNG", (240, 240))
        assert len(data) < 12_000


def test_products_that_share_a_picture_look_the_same_and_others_do_not(world: World) -> None:
    drawn = {
        picture_key(product): as_png(draw_product(product, side=60)) for product in world.catalogue.products
    }
    assert len(set(drawn.values())) == len(drawn)
