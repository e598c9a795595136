"""Chooses identifiers of CUDA C++: the names of the IR where there are any, made unique, and made safe.

Safe is a name that is nothing else to a compiler of CUDA or of C++: of ASCII letters, digits and single underscores,
with a letter first; neither a word of the language nor a function that kernels call, nor in the form of a macro. A
variable may have the name of any other function or type of the libraries, which it hides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xdsl.ir import SSAValue

from pullback.backends.cuda.functions import FUNCTIONS

_LANGUAGE = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await
co_return co_yield compl concept const consteval constexpr constinit const_cast continue decltype default delete do
double dynamic_cast else enum explicit export extern false final float for friend goto if import inline int long module
mutable namespace new noexcept not not_eq nullptr operator or or_eq override private protected public register
reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template
this thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while
xor xor_eq
"""
_OF_TEXT = "blockIdx threadIdx blockDim gridDim warpSize Vector main"
_MACROS = "assert errno linux unix math_errhandling sched_priority stderr stdin stdout"
RESERVED = frozenset([*_LANGUAGE.split(), *_OF_TEXT.split(), *_MACROS.split(), *FUNCTIONS])
"""Words of the language, of CUDA, of the text's definitions, and macros that are not in the form of one."""
_MACRO = re.compile(r"cuda\w*|(?=.*[A-Z].*[A-Z])[A-Z0-9_]+|[A-Z]_\w*[A-Za-z]\w*")
"""Forms of macros: `cudaStreamDefault`, `NULL`, `M_PIf`; but not `W` or `W1`."""


def spelled_safely(hint: str | None, fallback: str) -> str:
    """A word from a name of the IR that is an identifier and no macro; it may be reserved, or taken."""
    word = re.sub(r"[\W_]+", "_", hint or "", flags=re.ASCII).strip("_")
    if not word:
        return fallback
    if word[0].isdigit():
        return fallback + word
    return f"{fallback}_{word}" if _MACRO.fullmatch(word) else word


class Identifiers:
    """The symbol table of a kernel: the identifier or literal of each value."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """`taken` are the names outside of the kernel that it uses."""
        self._texts: dict[SSAValue, str] = {}
        self._taken: set[str] = {*RESERVED, *taken}

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
        name = stem = spelled_safely(hint, fallback)
        number = 0
        while name in self._taken:
            name, number = f"{stem}_{number}", number + 1
        self._taken.add(name)
        return name


def global_name(symbol: str, noun: str, names: Identifiers) -> str:
    """The identifier of a symbol that the whole program sees, a `kernel` or a `constant`.

    The libraries have no names with these words in them, so a symbol without its noun gets it: the kernel `exp` is
    `exp_kernel`.
    """
    return names.fresh(symbol if noun in symbol else f"{symbol}_{noun}", noun)
