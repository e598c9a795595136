"""Makes names unique under scopes, as TensorFlow does: `layer/tanh`, then `layer/tanh_1`."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from pullback.dialects.graph.tensor.types import ArgumentTypeError

_VALID = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\-/>]*")
"""TensorFlow's pattern of the names of operations. Under a scope only the whole has to match it."""


class UniqueNames:
    """The names taken in one graph, and the scope that new ones go under."""

    def __init__(self) -> None:
        self.scope = ""
        self._taken: dict[str, int] = {}
        self._journal: list[tuple[str, int | None]] | None = None

    def unique(self, name: str) -> str:
        """`name` under the current scope, with `_1`, `_2`, … appended if it is taken; case does not count."""
        full = f"{self.scope}/{name}" if self.scope else name
        key = full.lower()
        count = self._taken.get(key)
        if count is None:
            self._take(key, 1)
            return full
        candidate = f"{key}_{count}"
        while candidate in self._taken:
            count += 1
            candidate = f"{key}_{count}"
        self._take(key, count + 1)
        self._take(candidate, 1)
        return f"{full}_{count}"

    def _take(self, key: str, count: int) -> None:
        if self._journal is not None:
            self._journal.append((key, self._taken.get(key)))
        self._taken[key] = count

    def __getstate__(self) -> dict[str, Any]:
        return {"scope": "", "_taken": self._taken, "_journal": None}  # a copy is outside of every scope

    def check(self, name: object) -> None:
        """`ValueError` for what is no name where operations are made now; see `checked_name`."""
        checked_name(name, within=self.scope)

    def check_scope(self, name: object) -> None:
        """`ValueError` for what names no scope: a name with or without a slash at its end, `""` or `None`."""
        if name is None or name == "" or (name == "/" and self.scope):
            return
        self.check(name[:-1] if isinstance(name, str) and name.endswith("/") else name)

    @contextmanager
    def entered(self, name: str | None) -> Generator[str]:
        """Puts new names under the scope `name`, made unique.

        `"name/"` enters a scope again as it is; `None` and `""` leave all scopes. Yields the scope, with a
        slash at its end unless it is empty, so that it can be entered again.
        """
        outer = self.scope
        self.check_scope(name)
        if not name:
            self.scope = ""
        elif name.endswith("/"):
            self.scope = name[:-1]
        else:
            self.scope = self.unique(name)
        try:
            yield self.scope and f"{self.scope}/"
        finally:
            self.scope = outer

    @contextmanager
    def restored_on_error(self) -> Generator[None]:
        """Gives back every name that was taken in this block if it fails."""
        outer, self._journal = self._journal, []
        try:
            yield
        except BaseException:
            for key, count in reversed(self._journal):
                if count is None:
                    del self._taken[key]
                else:
                    self._taken[key] = count
            self._journal.clear()  # given back already, should a block around this one fail too
            raise
        finally:
            if outer is not None:
                outer.extend(self._journal)
            self._journal = outer


def checked_name(name: object, *, within: str = "") -> str:
    """Checks the name of an operation, of a placeholder or of a variable by TensorFlow's rule; returns it.

    Args:
        name: letters, digits and `_ . - / >`. It begins with a letter, a digit or `.`, unless it is under a scope.
        within: that scope.

    Raises:
        ValueError: for anything else; it is a `TypeError` too where the name is no string.
    """
    if not isinstance(name, str):
        raise ArgumentTypeError(f"{name!r} is no name: expected a string, got {type(name).__name__}")
    if not name or not _VALID.fullmatch(f"{within}/{name}" if within else name):
        raise ValueError(
            f"{name!r} is no name: expected letters, digits and _ . - / > after a letter or digit"
        )
    return name


def valid_hint(name: str) -> str:
    """The last part of a name as a valid value name of MLIR text: of letters, digits and `_`, the first no digit."""
    part = re.sub(r"[^A-Za-z0-9_]", "_", name.rstrip("/").rpartition("/")[2])
    # The printer itself adds `_` and a number to names that occur twice, and the parser drops them again.
    part = re.sub("(_[0-9]+)+$", "", part)
    return f"v{part}" if re.fullmatch("[0-9].*|", part) else part
