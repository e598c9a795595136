"""Union-find: objects that merge, and from then on have one representative."""

from __future__ import annotations

from typing import Self


class Merging:
    """A member of a disjoint set, with a link to its representative."""

    _merged: Self | None = None

    def root(self) -> Self:
        """The representative of its set: itself until it merges."""
        found = self
        while found._merged is not None:
            if found._merged._merged is not None:
                found._merged = found._merged._merged
            found = found._merged
        return found

    def become(self, other: Self) -> None:
        """Merges this into `other`, which represents both."""
        self._merged = other
