"""Einstein summation: parses equations as NumPy writes them, and normalises them to the operation's form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_letters

from pullback.dialects.graph.linear_algebra.einsum import Einsum, Equation
from pullback.dialects.graph.movement.rearranging import Squeeze
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.graph.emit import named_as, tensors

__all__ = ["einsum"]

TERM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")


def einsum(equation: str, *operands: Operand, name: str | None = None) -> Tensor:
    """The sum of products that an equation says, such as `"bij,bjk->bik"`.

    Args:
        equation: a letter for each axis of each operand, commas between operands, and after `->` the letters of the
            result; what is not among these is summed over. A letter twice in one operand means its diagonal, twice in
            the result a diagonal with zeros beside it. `...` means any number of axes, which broadcast.
            Without `->` the result has the letters that occur once, in alphabetical order, after `...`.
        operands: tensors of one dtype.
        name: of the operation.

    Raises:
        ValueError: for an equation that is none, or that does not fit the operands.
    """
    if not isinstance(equation, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"einsum: equation: expected text such as 'ij,jk->ik', got {equation!r}")
    terms, result = _split(equation)
    if len(terms) != len(operands):
        raise GraphError(f"einsum: equation {equation!r} has {len(terms)} terms for {len(operands)} operands")
    values = tensors(*operands, op="einsum")
    around = _Ellipsis(equation, terms, values)
    labelled = [around.without_broadcast(n, term) for n, term in enumerate(terms)]
    if result is None:
        letters = "".join(terms).replace(".", "")
        result = "..." + "".join(sorted(label for label in letters if letters.count(label) == 1))
    elif around.labels and "..." not in result:
        raise GraphError(f"einsum: equation {equation!r}: the result has no '...', but an operand has")
    stated = Equation(tuple(term for term, _ in labelled), result.replace("...", around.labels))
    return named_as(name, lambda: Einsum.product(stated, *(value for _, value in labelled)))


def _split(equation: str) -> tuple[list[str], str | None]:
    """The terms of the operands and of the result."""
    left, *right = equation.replace(" ", "").split("->")
    terms = left.split(",")
    wrong = [term for term in (*terms, *right) if TERM.fullmatch(term) is None]
    if wrong or len(right) > 1:
        found = f"{wrong[0]!r} in it" if wrong else "'->' twice"
        raise GraphError(f"einsum: equation {equation!r}: expected letters, such as 'ij,jk->ik', got {found}")
    return terms, right[0] if right else None


class _Ellipsis:
    """The axes that `...` means, with letters of their own."""

    def __init__(self, equation: str, terms: Sequence[str], values: Sequence[Tensor]) -> None:
        self.values = values
        counts = [self._count(equation, n, term) for n, term in enumerate(terms)]
        free = [letter for letter in ascii_letters if letter not in equation]
        if max(counts) > len(free):
            raise GraphError(f"einsum: equation {equation!r} leaves too few letters for its '...'")
        self.labels = "".join(free[: max(counts)])
        """One for each axis that any operand has there; they are aligned at the last."""
        self.counts = counts
        self.starts = [term.find("...") for term in terms]

    def _count(self, equation: str, number: int, term: str) -> int:
        letters, value = len(term.replace("...", "")), self.values[number]
        count = value.ndim - letters
        if count < 0 or (count > 0 and "..." not in term):
            raise GraphError(
                f"einsum: equation {equation!r}: term {term!r} has {letters} letters, operand {number} is {value.type}"
            )
        return count

    def without_broadcast(self, number: int, term: str) -> tuple[str, Tensor]:
        """The term with letters alone, and the operand without the axes along which it would be repeated."""
        value, count, start = self.values[number], self.counts[number], self.starts[number]
        if start < 0 or not count:
            return term.replace("...", ""), value
        labels = self.labels[-count:]
        repeated = [label for label in labels if self._is_repeated(number, label)]
        own = "".join(label for label in labels if label not in repeated)
        axes = [start + labels.index(label) for label in repeated]
        return term.replace("...", own), Squeeze.at(value, axes)

    def _is_repeated(self, number: int, label: str) -> bool:
        extents = [self._extent(n, label) for n in range(len(self.values))]
        return extents[number] == 1 and any(extent not in (1, None) for extent in extents)

    def _extent(self, number: int, label: str) -> int | None:
        """The extent of the axis of an operand that has this letter in its `...`."""
        count, start = self.counts[number], self.starts[number]
        labels = self.labels[-count:] if count and start >= 0 else ""
        return self.values[number].extents[start + labels.index(label)] if label in labels else None
