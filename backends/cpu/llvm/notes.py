"""Notes on the lines of LLVM IR: which operations of the program they compute, as comments.

; computes layer0/matmul, layer0/t, layer1/matmul, layer1/t
define internal void @main_kernel_0(…) {
  …
  store <16 x float> %t, ptr %output0.at, align 4  ; layer0/t, and 1 more
"""

from __future__ import annotations

from typing import Protocol

from xdsl.ir import Operation

from pullback.dialects.graph.tensor.origins import spelled


class Notes(Protocol):
    """Notes on the lines that have been printed for an operation."""

    def operation(self, op: Operation, lines: list[str], start: int) -> None:
        """Adds to the lines from `start` on, which are those of an operation, and of what is in its regions."""
        ...

    def function(self, op: Operation, lines: list[str]) -> None:
        """Adds to the lines of a function, of which the first is its head, and the last its closing brace."""
        ...

    def metadata(self) -> str:
        """The text at the end of the module."""
        ...


class NoNotes:
    """Leaves lines as they are: what is compiled does not depend on names."""

    def operation(self, op: Operation, lines: list[str], start: int) -> None:
        """Adds nothing."""

    def function(self, op: Operation, lines: list[str]) -> None:
        """Adds nothing."""

    def metadata(self) -> str:
        """Adds nothing."""
        return ""


class Comments:
    """Notes for readers, at the end of the instruction that has the result, or at the beginning of a loop."""

    def operation(self, op: Operation, lines: list[str], start: int) -> None:
        """Adds a comment to one of the lines."""
        if start < len(lines) and (origins := spelled(op.location)):
            lines[start if op.regions else -1] += f"  ; {origins}"

    def function(self, op: Operation, lines: list[str]) -> None:
        """Puts a comment before the head."""
        if origins := spelled(op.location):
            lines.insert(0, f"; computes {origins}")

    def metadata(self) -> str:
        """Adds nothing."""
        return ""
