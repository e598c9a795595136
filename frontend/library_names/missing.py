"""Errors for names that `pb.` does not have, which suggest what to write: often they are another library's."""

from __future__ import annotations

from collections.abc import Collection

from pullback.frontend.library_names.other_libraries import OTHER, SAME
from pullback.process.close_matches import get_close_matches


def missing(name: str, public: Collection[str]) -> AttributeError:
    """The error for `pb.<name>`, which says what is called so elsewhere, or which public name is near."""
    return AttributeError(f"module 'pullback' has no attribute {name!r}{_hint(name, public)}")


def _hint(name: str, public: Collection[str]) -> str:
    meant = {
        other: ours
        for ours, others in OTHER.items()
        for other in others.split()
        if other.split(".")[-1] == name
    }
    if meant:
        return ": " + ", ".join(f"{other} is pb.{ours}" for other, ours in meant.items())
    for place, names in SAME.items():
        if name in place.split(".")[1:]:
            return f": functions of {place} are at the top level of Pullback, such as pb.{names.split()[0]}"
    near = get_close_matches(name, public, n=1)
    return f"; did you mean pb.{near[0]}?" if near else ""
