"""Chooses the identifiers of values in CUDA C++: their names in the IR where there are any, made unique."""

from __future__ import annotations

import re

from xdsl.ir import SSAValue

_WORDS = """
alignas alignof and asm auto bool break case char class const continue default delete do double else enum
extern false float for goto if inline int long mutable namespace new not operator or private public register
return short signed sizeof static struct switch template this true try typedef union unsigned using void
volatile while xor blockIdx threadIdx blockDim gridDim warpSize maximum minimum floor_divide ceil_divide abs
exp log sin cos tan tanh sqrt pow floor ceil round trunc fma
"""
_RESERVED = frozenset(_WORDS.split())
"""Words of the language, of CUDA, and of the functions that kernels call."""


class Identifiers:
    """The symbol table of a kernel: the identifier or literal of each value."""

    def __init__(self) -> None:
        self._texts: dict[SSAValue, str] = {}
        self._taken: set[str] = set(_RESERVED)

    def __getitem__(self, value: SSAValue) -> str:
        return self._texts[value]

    def bind(self, value: SSAValue, text: str) -> None:
        """Binds `value` to `text`, a literal or an identifier that exists."""
        self._texts[value] = text

    def declare(self, value: SSAValue, fallback: str = "v") -> str:
        """A new name for `value`: its hint, or `fallback` with a number."""
        self._texts[value] = name = self.fresh(value.name_hint, fallback)
        return name

    def fresh(self, hint: str | None, fallback: str = "v") -> str:
        """A new identifier."""
        stem = re.sub(r"\W", "_", hint) if hint else fallback
        if stem[0].isdigit():
            stem = fallback + stem
        name, number = stem, 0
        while name in self._taken or name.endswith("_"):
            name, number = f"{stem}{'' if stem.endswith('_') else '_'}{number}", number + 1
        self._taken.add(name)
        return name
