"""Views whose access maps are wrong: an error names the operation, and no load reads outside of its operand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

import pullback as pb
from pullback.extend import (
    OPS,
    AccessMap,
    Affine,
    AffineAccess,
    Array,
    DiagnosticError,
    GraphError,
    NotDifferentiable,
    Properties,
    RowAccess,
    RowMajorAccess,
    View,
    dims,
    graph_op,
    shape_of_type,
    tensor_type,
)

Shape = tuple[int, ...]
MANY = 100_000


@graph_op
class Wrong(View):
    """A vector repeated, by an access map that each test states."""

    name = "graph.test_wrong"
    ACCESS: ClassVar[Callable[[Shape, Shape], AccessMap]]
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        type_: Any = operands[0]
        return [tensor_type(type_.element_type, (MANY * shape_of_type(type_)[0],))]

    def numpy(self, *operands: Array) -> Any:
        return np.resize(operands[0], self.iteration_shape())

    def access(self, number: int, result: int = 0) -> AccessMap:
        return type(self).ACCESS(self.shape_of(0), self.iteration_shape())


OPS.remove(Wrong.name)  # no other test knows it

WRONG: dict[str, tuple[Callable[[Shape, Shape], AccessMap], str]] = {
    "too many elements": (RowMajorAccess, "reads 500000 elements in row-major order of an operand of shape"),
    "past the end": (
        lambda shape, space: AffineAccess((*dims(space),), shape, space),
        "reads elements 0 to 499999",
    ),
    "another operand": (
        lambda _, space: AffineAccess((*dims(space),), space, space),
        r"states a space of \(500000\) and an operand of \(500000\); expected \(500000\) and \(5\)",
    ),
    "another space": (
        lambda shape, _: AffineAccess((*dims(shape),), shape, shape),
        r"states a space of \(5\) and an operand of \(5\); expected \(500000\) and \(5\)",
    ),
    "no coordinate": (lambda shape, space: AffineAccess((), shape, space), "has 0 coordinates over"),
    "dims of another space": (
        lambda shape, space: AffineAccess((Affine.number(3),), shape, space),
        r"has 1 coordinates over \[3\] dims; expected one for each axis of an operand of shape \(5\), over 1 dims",
    ),
    "rows of another operand": (
        lambda _, space: RowAccess(0, AffineAccess((*dims(space),), space, space)),
        "states a space of",
    ),
    "indices that are no operand": (
        lambda _, space: RowAccess(3, AffineAccess((), (), space)),
        "has no operand 3",
    ),
}


@pytest.mark.parametrize("target", ["cpu", "simt"])
@pytest.mark.parametrize("case", WRONG)
def test_no_target_follows_a_wrong_map(monkeypatch: pytest.MonkeyPatch, case: str, target: str) -> None:
    access, message = WRONG[case]
    monkeypatch.setattr(Wrong, "ACCESS", staticmethod(access), raising=False)
    with pb.Graph():
        x = pb.placeholder("f32", (5,))
        step = pb.compile([x], pb.tanh(Wrong.of(x)), target=target)
    with pytest.raises((GraphError, DiagnosticError), match=f"graph.test_wrong.*{message}"):
        step(np.ones(5, np.float32))
