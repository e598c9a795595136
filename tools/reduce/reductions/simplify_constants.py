"""Simplifies constants: to 0, to 1, to one value everywhere, to fewer digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.creation.constants import Constant, Fill, elements
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.attributes import scalar_attribute
from pullback.dialects.graph.tensor.types import element_type_of
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind

Simpler = Callable[[Array], Any]


def _edits(simpler: Simpler) -> Callable[[ModuleOp], list[Edit]]:
    def of(op: Constant | Fill) -> Edit:
        def edit() -> None:
            if isinstance(op, Constant):
                array = op.array()
                if array.size:
                    op.properties["value"] = elements(np.full(array.shape, simpler(array), array.dtype))
            else:
                type_ = element_type_of(op.results[0].type)
                number: Any = simpler(np.array(op.number))
                op.properties["value"] = scalar_attribute(number.item(), type_)

        return edit

    return lambda module: [of(op) for op in module.walk() if isinstance(op, Constant | Fill)]


def _rounded(array: Array) -> Any:
    first = array.reshape(-1)[0]
    if array.dtype.kind not in "fc" or not np.isfinite(first):
        return first
    return np.round(first, 1)


CONSTANTS = (
    ReductionKind("make constants 0", _edits(lambda array: np.zeros((), array.dtype))),
    ReductionKind("make constants 1", _edits(lambda array: np.ones((), array.dtype))),
    ReductionKind("make constants splats", _edits(lambda array: array.reshape(-1)[0])),
    ReductionKind("round constants", _edits(_rounded)),
)
