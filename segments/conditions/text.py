"""How text compares: byte by byte, after A–Z became a–z and nothing else changed."""


def fold(text: str) -> str:
    """Return the text with ASCII capitals made small; PostgreSQL's `lower(x COLLATE "C")` does the same.

    Unicode's own rules differ between Python and PostgreSQL (and between versions of each), so that two
    evaluators could never agree on them: `É` and `é` are different letters here.
    """
    return text.encode().lower().decode()
