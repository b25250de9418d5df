"""What is encoded piece by piece is byte for byte what is encoded as a whole."""

import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from delivery.quoted_printable import Fixed, quoted_printable, quoted_printable_of

TEXT = st.text(st.sampled_from("aé=. \t\n\r🙂") | st.characters(exclude_categories=["Cs"]), max_size=200)
PIECES = st.lists(TEXT | TEXT.map(Fixed), max_size=12)


@given(PIECES)
@example([Fixed("a\n"), ".", Fixed("\nb")])
@example([Fixed("a \n\n"), "\r", Fixed("\nb\n")])
@example([Fixed("x\r\ny"), "z" * 100, Fixed("=\n=")])
def test_pieces_are_encoded_as_the_whole_is(pieces):
    assert quoted_printable_of(pieces) == quoted_printable("".join(pieces))


@given(PIECES)
def test_it_reads_back(pieces):
    text = "".join(pieces).replace("\r\n", "\n").replace("\r", "\n")
    assert (
        quopri.decodestring(quoted_printable_of(pieces) + b"\r\n")
        == text.replace("\n", "\r\n").encode() + b"\r\n"
    )


def test_whole_lines_of_a_template_are_encoded_once():
    assert Fixed("first\nsécond\nlast").lines == b"\r\ns=C3=A9cond\r\n"
    assert Fixed("no break").lines is None
