"""What PostgreSQL takes as text."""


def is_encodable(text: str) -> bool:
    """Whether the text can be written as UTF-8: half a character (a lone surrogate) cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
