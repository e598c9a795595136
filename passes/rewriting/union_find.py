"""Things that merge: from then on both are one (union-find)."""

from __future__ import annotations

from typing import Self


class Merging:
    """A thing that may become one with another of its kind."""

    _merged: Self | None = None

    def root(self) -> Self:
        """What it has become: itself until it merges."""
        found = self
        while found._merged is not None:
            if found._merged._merged is not None:
                found._merged = found._merged._merged
            found = found._merged
        return found

    def become(self, other: Self) -> None:
        """From now on this is `other`."""
        self._merged = other
