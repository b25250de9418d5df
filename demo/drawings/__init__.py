"""The drawings of the generated shop's products, one function a kind, by part of the shop."""

from demo.drawings import clothing, equipment, outdoors
from demo.drawings.canvas import Canvas, Drawing, Palette

DRAWINGS: dict[str, Drawing] = clothing.DRAWINGS | equipment.DRAWINGS | outdoors.DRAWINGS

__all__ = ["DRAWINGS", "Canvas", "Drawing", "Palette"]
