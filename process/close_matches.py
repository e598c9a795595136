"""`get_close_matches` of difflib, which is loaded by whoever misspells a name, and not by every import."""

from __future__ import annotations

from collections.abc import Iterable


def get_close_matches(word: str, possibilities: Iterable[str], n: int = 3) -> list[str]:
    """The best matches of a word among possibilities, at most `n` of them."""
    import difflib

    return difflib.get_close_matches(word, list(possibilities), n)
