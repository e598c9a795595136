"""Every elementwise operation of a graph, in every dtype that kernels have, as CUDA text that NVRTC compiles."""

from __future__ import annotations

import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from pullback.dialects.graph.elementwise.activations import LeakyRelu
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.gamma import Polygamma
from pullback.dialects.graph.op.families import Binary, Unary
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES
from pullback.driver.run_pipeline import lowered, lowered_to
from pullback.driver.targets.registry import target_named
from pullback.tests.compiled_kernels import Kernels, needs_nvrtc
from pullback.tests.graphs import build

ARCHITECTURES = {"f32": "sm_90", "f64": "sm_80", "i32": "sm_80", "i64": "sm_90", "i1": "sm_80"}
"""The dtypes that kernels compute with, and an architecture to compile each for."""


def operations(element_type: Attribute) -> list[type[Unary] | type[Binary]]:
    """The operations of one or two operands that take the dtype."""
    return [
        op
        for op in OPS.values()
        if issubclass(op, Unary | Binary) and op is not Cast and op.DTYPES(element_type) and op.has_meaning()
    ]


def results(a: Tensor, b: Tensor) -> list[Tensor]:
    """Every operation on the operands, casts to every dtype, and a choice."""
    made: list[Tensor] = []
    for op in operations(a.element_type):
        if op is LeakyRelu:
            made.append(LeakyRelu.sloped(a, 0.2))
        elif op is Polygamma:
            made.append(Polygamma.derived(a, 1))
        else:
            made.append(op.of(a) if issubclass(op, Unary) else op.of(a, b))
    casts = [Cast.to(a, DTYPES[dtype]) for dtype in ARCHITECTURES if DTYPES[dtype] != a.element_type]
    return [*made, *casts, Where.of(Cast.to(a, DTYPES["i1"]), a, b)]


def program(dtype: str) -> ModuleOp:
    function = build([f"8x{dtype}"] * 2, results)
    function.block.add_op(func.ReturnOp(*(y.value for y in function.ys)))
    function.op.update_function_type()
    return lowered_to(lowered(ModuleOp([function.op]), "finish"), target_named("simt").pipeline)


@needs_nvrtc
@pytest.mark.parametrize("dtype", ARCHITECTURES)
def test_every_elementwise_operation(dtype: str) -> None:
    kernels = Kernels()
    kernels.record(program(dtype))
    kernels.check(ARCHITECTURES[dtype])
