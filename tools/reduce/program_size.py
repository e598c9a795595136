"""The size of a program: what a reduction must lower, so that the search ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, ShapedType
from xdsl.ir import Attribute, Operation
from xdsl.traits import IsTerminator

from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.tensor.types import data_type_of


@dataclass(frozen=True, order=True)
class ProgramSize:
    """How large a program is, the most important first: sizes are compared in this order."""

    operations: int
    """Operations, and functions but one; terminators and modules aside."""
    values: int
    """Arguments of functions and blocks, and operands."""
    dtypes: int
    """Different element types."""
    elements: int
    """Elements of all results and arguments together, each `?` counted as 4."""
    numbers: int
    """How far constants are from 0: 1 where one is 1 everywhere, 2 for another number, 3 for several."""
    characters: int
    """The length of the text."""

    def __str__(self) -> str:
        plural = "" if self.operations == 1 else "s"
        return f"{self.operations} operation{plural}, {self.characters} characters"


def size_of(module: ModuleOp, text: str) -> ProgramSize:
    """Measures a program and its text."""
    operations, values, elements = -1, 0, 0  # one function is no more than the program has to have
    numbers = 0
    dtypes: set[Attribute] = set()
    for op in module.walk():
        types = [*op.result_types, *(a.type for r in op.regions for b in r.blocks for a in b.args)]
        operations += _counts(op)
        numbers += _numbers(op)
        values += len(op.operands) + sum(len(b.args) for r in op.regions for b in r.blocks)
        for type_ in types:
            data = data_type_of(type_)
            if isinstance(data, ShapedType):
                elements += math.prod(4 if n == DYNAMIC_INDEX else n for n in data.get_shape())
                dtypes.add(getattr(data, "element_type", data))
    return ProgramSize(operations, values, len(dtypes), elements, numbers, len(text))


def _counts(op: Operation) -> bool:
    return not (isinstance(op, ModuleOp) or op.has_trait(IsTerminator, value_if_unregistered=False))


def _numbers(op: Operation) -> int:
    if not isinstance(op, Constant | Fill):
        return 0
    array = op.array() if isinstance(op, Constant) else np.array(op.number)
    different = np.unique(array)[:2]
    return 3 if len(different) > 1 else sum(0 if n == 0 else 1 if n == 1 else 2 for n in different)
