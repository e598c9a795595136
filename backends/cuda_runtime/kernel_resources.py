"""What a kernel takes, as the assembler logs it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Resources:
    """What the assembler says that a kernel takes, for each thread."""

    registers: int
    stack_bytes: int
    spill_bytes: int
    """Stored to memory for lack of registers, and loaded from it."""


def logged_resources(log: str) -> dict[str, Resources]:
    """The resources of each kernel in a log."""
    return {found["name"]: _resources(found) for found in _RESOURCES.finditer(log)}


_OTHER_LINES = r"(?:(?!Function properties).)*?"
_RESOURCES = re.compile(
    rf"Function properties for (?P<name>\w+)\s{_OTHER_LINES}(?P<stack>\d+) bytes stack frame, "
    rf"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads"
    rf"{_OTHER_LINES}Used (?P<registers>\d+) registers",
    re.DOTALL,
)
"""Functions of CUDA's library that a kernel calls have properties, too, but no registers of their own."""


def _resources(found: re.Match[str]) -> Resources:
    return Resources(int(found["registers"]), int(found["stack"]), int(found["stores"]) + int(found["loads"]))
