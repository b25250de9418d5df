"""Who was in the file already, in eight bytes a key."""

from collections.abc import Sequence

import numpy as np


class Seen:
    """The keys of all rows so far, as 64-bit hashes: two of a million keys agree by chance once in 37 million files."""

    def __init__(self) -> None:
        self._known = np.empty(0, np.int64)

    def repeats(self, keys: Sequence[str | None]) -> list[bool]:
        """Say for each key whether it came before, in this call or an earlier one; None never did."""
        asked = np.array([hash(key) if key else 0 for key in keys], np.int64)
        unique, first = np.unique(asked, return_index=True)
        is_first = np.zeros(len(asked), bool)
        places = np.searchsorted(self._known, unique)
        is_new = np.ones(len(unique), bool)
        inside = places < len(self._known)
        is_new[inside] = self._known[places[inside]] != unique[inside]
        is_first[first[is_new]] = True
        is_new &= unique != 0
        self._known = np.insert(self._known, places[is_new], unique[is_new])
        return list(((asked != 0) & ~is_first).tolist())
