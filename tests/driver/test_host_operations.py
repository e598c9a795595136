"""Operations that no kernel computes run on the host, between native kernels, on every path through the compiler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

import pullback as pb
from pullback.dialects.graph.base import OPS, GraphOp, graph_op


@pytest.fixture
def backwards() -> Iterator[type[GraphOp]]:
    """An operation that belongs to no family: the operand with its last axis in reverse order."""

    @graph_op
    class Backwards(GraphOp):
        name = "graph.test_backwards"
        operand = operand_def(AnyAttr())
        result = result_def(AnyAttr())
        traits = traits_def(Pure())

        @classmethod
        def infer(cls, operands: Sequence[Attribute], properties: Any) -> Sequence[Attribute]:
            return [operands[0]]

        def numpy(self, *operands: Any) -> Any:
            return operands[0][..., ::-1]

        def gradient(self, dy: pb.Tensor) -> tuple[pb.Tensor | None, ...]:
            return (type(self).of(dy),)

    yield Backwards
    del OPS[Backwards.name]


def test_between_kernels(backwards: type[GraphOp]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        y = backwards.of(x * 2.0) * x
        outputs = [y, *pb.gradients(y, x), backwards.of(pb.ones((2, 3)))]
    step, oracle = (pb.compile([x], outputs, target=target) for target in ("cpu", "numpy"))
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    for found, expected in zip(step(data), oracle(data), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert step.ir("kernels").count("graph.kernel") == 4
    assert step.ir("loops").count("graph.op = ") == 3
