"""Quoted-printable (RFC 2045) for bodies that are mostly the same from message to message.

A line is encoded without regard to the lines around it. So whole lines of a template are encoded once, and per message
only the lines that hold something of its own. The bytes depend on the text alone, not on how it was pieced together.
"""

import binascii
from collections.abc import Sequence


class Fixed(str):
    """A piece of a template, the same in every message; what lies between its first and last line break is encoded."""

    __slots__ = ("first", "last", "lines")
    first: str
    lines: bytes | None
    last: str

    def __new__(cls, text: str) -> "Fixed":
        """Part the text into its first line, the lines between (None where there is no line break), and its last."""
        fixed = super().__new__(cls, text)
        lines = text.split("\n")
        fixed.first, fixed.last, fixed.lines = lines[0], lines[-1], None
        if len(lines) > 1 and "\r" not in text:
            fixed.lines = b"".join(_encoded(line) + b"\r\n" for line in ["", *lines[1:-1]])
        return fixed


def quoted_printable(text: str) -> bytes:
    """Encode a text body; lines are at most 76 long and every break, soft ones too, is CRLF.

    The last line has no break of its own: in a multipart the boundary brings it.
    """
    return _encoded(text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))


def quoted_printable_of(pieces: Sequence[str]) -> bytes:
    """Encode the text that the pieces make together, the `Fixed` ones from what is ready of them."""
    parts: list[bytes] = []
    line: list[str] = []
    for piece in pieces:
        if isinstance(piece, Fixed) and piece.lines is not None:
            parts += (_line(line, piece.first), piece.lines)
            line = [piece.last]
        elif "\r" in piece:
            return quoted_printable("".join(pieces))
        else:
            line.append(piece)
    return b"".join([*parts, _line(line, "")])


def _line(pieces: list[str], last: str) -> bytes:
    return _encoded(("".join(pieces) + last).replace("\n", "\r\n"))


def _encoded(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    # b2a_qp takes the kind of soft break from the first line break it meets, so there must always be one.
    return binascii.b2a_qp(data + b"\r\n", quotetabs=False, istext=True)[:-2]
