"""Secrets of an installation that was given none: made once, kept beside its data."""

import os
import secrets
from pathlib import Path


def local_key(path: Path) -> str:
    """Return the key stored at `path`, making it (mode 0600) at the first call.

    Two processes that start together agree: the file is created exclusively and the loser reads the winner's.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        draft.write_text(secrets.token_urlsafe(64))
        draft.chmod(0o600)
        try:
            os.link(draft, path)
        except FileExistsError:
            return path.read_text()
        finally:
            draft.unlink()
    return path.read_text()
