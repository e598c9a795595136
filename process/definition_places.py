"""Where a definition is, for messages: the module and line of a class or function, or of what registers it."""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import Any

OURS = "pullback"
"""Our package, which is also the owner of what comes with Pullback."""


def place_of(value: object) -> str:
    """Where something is defined: `module:line` of a class or function, else of what registers it now.

    The line of a class is looked up only when the text is needed, which is rare: see `_Place`.
    """
    value = getattr(value, "holds", value)  # what a factory is of
    if inspect.isclass(value) or inspect.isfunction(value):
        return _Place(value)
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and _is_machinery(frame):
        frame = frame.f_back
    if frame is None:
        return "an entry point"
    return f"{frame.f_globals.get('__name__', frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_machinery(frame: FrameType) -> bool:
    """Tells whether code only passes definitions on, as functions of ours do; our modules have their own."""
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package == OURS and frame.f_code.co_name != "<module>"


class _Place(str):
    """`module:line` of a class or function, found when it is printed: reading sources takes milliseconds."""

    __slots__ = ("_value",)

    def __new__(cls, value: Any) -> _Place:
        made = super().__new__(cls, f"{value.__module__}.{value.__qualname__}")
        made._value = value
        return made

    def __format__(self, spec: str) -> str:
        return str(self)

    def __str__(self) -> str:
        module = self._value.__module__
        try:
            _, line = inspect.getsourcelines(self._value)
        except (OSError, TypeError):
            return f"{module} ({self._value.__qualname__})"
        return f"{module}:{line}"
