"""The lines of one LLVM function: names, instructions, blocks, addresses and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from xdsl.ir import Attribute

from pullback.backends.cpu.llvm.owned_memory import release_all
from pullback.backends.cpu.llvm_types import spell


class FunctionLines:
    """Collects the lines of a function's body, in which each name is given once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stack: list[str] = []
        """The lines that reserve memory on the stack, where the function begins."""
        self.block = "entry"
        self.owned: str | None = None
        """The list of what the function has allocated and not freed, where it may stop in between."""
        self._way_out: str | None = None
        self._used: dict[str, int] = {"entry": 0}

    def unique(self, hint: str) -> str:
        """A name, without its `%`, that nothing in this function bears yet. Labels and values share names."""
        name = hint = _without_other_characters(hint)
        while name in self._used:
            self._used[hint] += 1
            name = f"{hint}_{self._used[hint]}"
        self._used[name] = 0
        return name

    def line(self, text: str) -> None:
        """Appends one instruction."""
        self.lines.append(f"  {text}")

    def temporary(self, hint: str, right_side: str) -> str:
        """Appends an instruction for a temporary, which is no SSA value, and returns its text."""
        name = f"%{self.unique(hint)}"
        self.line(f"{name} = {right_side}")
        return name

    def label(self, name: str) -> None:
        """Begins a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def branch(self, target: str) -> None:
        """Ends the current block with a jump."""
        self.line(f"br label %{target}")

    def branch_if(self, condition: str, then: str, otherwise: str) -> None:
        """Ends the current block with a jump that depends on an i1."""
        self.line(f"br i1 {condition}, label %{then}, label %{otherwise}")

    def return_if(self, condition: str) -> None:
        """Returns early if a condition holds, after freeing what is on the list of allocated memory."""
        self._way_out = self._way_out or self.unique("way_out")
        following = self.unique("go_on")
        self.branch_if(condition, self._way_out, following)
        self.label(following)

    def finish(self) -> None:
        """Ends the function; its operations are printed."""
        if self._way_out is not None:
            self.label(self._way_out)
            if self.owned is not None:
                self.line(release_all(self.owned))
            self.line("ret void")
        self.lines[:0] = self.stack

    def offset(
        self, base: str, element: Attribute, terms: Sequence[tuple[str, int]], *, exists: bool = True
    ) -> str:
        """The address `base + sum(index * stride)`, indices as text, strides in elements; of what need not exist."""
        step = "getelementptr inbounds" if exists else "getelementptr"
        constant = 0
        hint = f"{base[1:].split('.at')[0]}.at"
        for index, stride in terms:
            if is_number(index):
                constant += int(index) * stride
            elif stride:
                block = spell(element) if stride == 1 else f"[{stride} x {spell(element)}]"
                base = self.temporary(hint, f"{step} {block}, ptr {base}, i64 {index}")
        if constant:
            base = self.temporary(hint, f"{step} {spell(element)}, ptr {base}, i64 {constant}")
        return base


@lru_cache(maxsize=1 << 14)
def _without_other_characters(hint: str) -> str:
    """The beginning of names after a hint."""
    hint = re.sub(r"[^\w.$-]", "_", hint)
    return f"v{hint}" if hint[0].isdigit() else hint


def is_number(text: str) -> bool:
    """Tells whether the text of an integer or index value is a literal."""
    return text[0] != "%" and text.removeprefix("-").isdigit()
