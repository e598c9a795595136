"""Einstein summation: sums of products over labelled axes, of any number of tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, prop_def, result_def, traits_def, var_operand_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.extents import extents_of
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.linear_algebra.contraction_plan import contracted
from pullback.dialects.graph.op.checks import check_operand_dtypes, check_tensor
from pullback.dialects.graph.op.families import Composite, OfDtypes, check_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import in_wide
from pullback.dialects.graph.tensor.tensor import Operand, Tensor, conj
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type

FORM = re.compile(r"[A-Za-z]*(,[A-Za-z]*)*->[A-Za-z]*")


@dataclass(frozen=True)
class Equation:
    """`ij,jk->ik`: a letter for each axis of each term, and of the result."""

    terms: tuple[str, ...]
    result: str

    @classmethod
    def parsed(cls, text: str) -> Equation:
        terms, result = text.split("->")
        return cls(tuple(terms.split(",")), result)

    def __str__(self) -> str:
        return f"{','.join(self.terms)}->{self.result}"

    @property
    def plain_result(self) -> str:
        """The labels of the result, each once."""
        return "".join(dict.fromkeys(self.result))


@graph_op
class Einsum(Composite, OfDtypes):
    """The Einstein sum: the product of the operands, summed over the labels that the result does not have.

    A label twice in one term means its diagonal; twice in the result, a diagonal with zeros elsewhere.
    """

    name = "graph.einsum"
    EXAMPLES: ClassVar = (
        '%r = graph.einsum %x, %d {equation = "ij,kj->ki"} : (MATRIX, tensor<4x3xf32>) -> tensor<4x2xf32>',
        '%r = graph.einsum %q {equation = "ii->i"} : (SQUARE) -> VECTOR',
    )
    DTYPES: ClassVar = numeric
    terms = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    equation = prop_def(base(StringAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        text = properties["equation"]
        assert isinstance(text, StringAttr)
        if not FORM.fullmatch(text.data):
            raise GraphError(
                f"{cls.name}: equation_c1: the equation must be letters, such as 'ij,jk->ik', got {text.data!r}"
            )
        equation = Equation.parsed(text.data)
        if len(equation.terms) != len(operands):
            raise GraphError(
                f"{cls.name}: equation_c2: the equation must have a term for each operand, got '{equation}' for "
                f"{len(operands)}"
            )
        check_operand_dtypes(cls.name, *operands)
        check_dtype(cls, element_type_of(operands[0]))
        extents = cls.extents(equation, operands)
        if missing := set(equation.result) - extents.keys():
            raise GraphError(
                f"{cls.name}: equation_c4: labels of the result must be in a term, got '{min(missing)}' in '{equation}'"
            )
        result = tensor_type(element_type_of(operands[0]), (extents[label] for label in equation.result))
        check_tensor(cls.name, result, "the result")
        return [result]

    @classmethod
    def extents(cls, equation: Equation, operands: Sequence[Attribute]) -> dict[str, int]:
        """Infers the extent of each label from all of its axes."""
        extents: dict[str, int] = {}
        for term, type_ in zip(equation.terms, operands, strict=True):
            shape = shape_of_type(type_)
            if len(term) != len(shape):
                raise GraphError(
                    f"{cls.name}: equation_c3: terms must have a label for each axis, got '{term}' for {type_}"
                )
            for label, extent in zip(term, shape, strict=True):
                known = extents.setdefault(label, extent)
                if known != extent and DYNAMIC_INDEX not in (known, extent):
                    raise GraphError(
                        f"{cls.name}: extents_c1: axes of one label must have one extent, got {known} and {extent} for "
                        f"'{label}' in '{equation}'"
                    )
                extents[label] = max(known, extent)
        return extents

    @classmethod
    def product(cls, equation: Equation, *operands: Operand) -> Tensor:
        """Emits the sum of products of an equation."""
        return cls.of(*operands, equation=StringAttr(str(equation)))

    @property
    def stated(self) -> Equation:
        assert isinstance(self.equation, StringAttr)
        return Equation.parsed(self.equation.data)

    def numpy(self, *operands: Array) -> Any:
        equation = self.stated
        types = [tensor_type(element_type_of(self.result_types[0]), x.shape) for x in operands]
        extents = self.extents(equation, types)
        plain = Equation(equation.terms, equation.plain_result)
        summed = in_wide(lambda *wide: np.einsum(str(plain), *wide, optimize=True), *operands)
        if equation.result == plain.result:
            return summed
        result = np.zeros([extents[label] for label in equation.result], operands[0].dtype)
        np.einsum(f"{equation.result}->{plain.result}", result)[...] = summed  # a view of the diagonal
        return result

    def expand(self) -> Tensor | None:
        equation = self.stated
        return contracted(equation.terms, equation.result, [Tensor(v) for v in self._operands])

    def gradient(self, dy: Tensor) -> GradientTerms:
        return tuple(self._term(number, dy) for number in range(len(self._operands)))

    def _term(self, number: int, dy: Tensor) -> Tensor:
        """Computes an operand's gradient: dy times the others, summed to its labels, broadcast along its own ones."""
        equation, operands = self.stated, [Tensor(v) for v in self._operands]
        others = [conj(x) for i, x in enumerate(operands) if i != number]
        terms = [term for i, term in enumerate(equation.terms) if i != number]
        wanted = equation.terms[number]
        for label in dict.fromkeys(wanted):
            if not any(label in term for term in (*terms, equation.result)):
                terms.append(label)
                others.append(_ones(operands[number], wanted.index(label)))
        return Einsum.product(Equation((equation.result, *terms), wanted), dy, *others)


def _ones(x: Tensor, axis: int) -> Tensor:
    """Emits a vector of ones as long as an axis."""
    extent = x.extents[axis]
    shape = extents_of(x, [axis]).value if extent == DYNAMIC_INDEX else None
    return Fill.full(1, tensor_type(x.element_type, (extent,)), shape)
