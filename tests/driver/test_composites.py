"""Composites run in kernels, decomposed, or whole on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

import pullback as pb
from pullback.dialects.graph.op.families import Composite, Unary
from pullback.dialects.graph.op.graph_op import GraphOp, graph_op
from pullback.tests.driver.host_cases import agree, backwards, dtype_of, numbers

pytestmark = pytest.mark.usefixtures("own_operations")


def composites() -> tuple[type[GraphOp], type[GraphOp]]:
    """A composite of two results, and one that is made of it."""

    @graph_op
    class Halves(Composite):
        name = "graph.test_halves"
        operand = operand_def(AnyAttr())
        half = result_def(AnyAttr())
        quarter = result_def(AnyAttr())
        traits = traits_def(Pure())

        @classmethod
        def infer(cls, operands: Sequence[Attribute], properties: Any) -> Sequence[Attribute]:
            return [operands[0], operands[0]]

        def expand(self) -> tuple[pb.Tensor, ...]:
            half = pb.Tensor(self.operand) / 2
            return half, half / 2

        def numpy(self, *operands: Any) -> Any:
            return operands[0] / operands[0].dtype.type(2), operands[0] / operands[0].dtype.type(4)

    @graph_op
    class ThreeQuarters(Composite, Unary):
        name = "graph.test_three_quarters"

        def expand(self) -> pb.Tensor:
            half, quarter = (pb.Tensor(r) for r in Halves.emit([self.operand]).results)
            return half + quarter

        def numpy(self, *operands: Any) -> Any:
            return operands[0] * operands[0].dtype.type(0.75)

    return Halves, ThreeQuarters


@pytest.mark.parametrize(("dtype", "kernels"), [("f32", 1), ("complex<f32>", 0)])
def test_composites_are_native_where_all_they_stand_for_is(dtype: str, kernels: int) -> None:
    halves, three_quarters = composites()
    with pb.Graph():
        x = pb.placeholder(dtype, (5,), name="x")
        half, quarter = (pb.Tensor(r) for r in halves.emit([x.value]).results)
        step = agree([x], [three_quarters.of(x), half, quarter], np.arange(5).astype(dtype_of(dtype)))
    text = step.ir("kernels")
    assert text.count("graph.kernel") == kernels
    assert text.count("graph.test_") == (0 if kernels else 2)


def test_a_composite_of_what_the_host_runs_stays_whole() -> None:
    turned = backwards()

    @graph_op
    class Mirrored(Composite, Unary):
        name = "graph.test_mirrored"

        def expand(self) -> pb.Tensor:
            return turned.of(self.x * 2.0) + self.x

        def numpy(self, *operands: Any) -> Any:
            return operands[0][..., ::-1] * 2 + operands[0]

    with pb.Graph():
        x = pb.placeholder("f32", (5,), name="x")
        text = agree([x], [Mirrored.of(x)], numbers(5)).ir("kernels")
    assert "graph.test_mirrored" in text
    assert "graph.test_backwards" not in text
    assert "graph.kernel" not in text
