"""Random graphs of operations that GPU kernels support: elementwise operations, moved elements, sums and maxima."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr

from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.elementwise.basic import Cast, Maximum, Where
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.state.variables import AssignSub, Read, VariableOp
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES, VariableType, shape_of_type, tensor_type
from pullback.dialects.verification import verify
from pullback.tests.graphs import type_from

Array = npt.NDArray[Any]
INPUTS = ("6x70xf64", "70xf64", "6x1xf64", "f64", "2x6x70xf64")
"""Rows that are longer than a warp, and what broadcasts to them."""
INDICES = "6xi32"
WEIGHTS = tensor_type(DTYPES["f64"], (6, 70))


@dataclass(frozen=True)
class Drawn:
    """A module of level `graph`, with inputs, and what its variable `w` starts from."""

    module: ModuleOp
    inputs: list[Array]
    weights: Array


Step = Callable[[Any, Sequence[Tensor], Tensor], Sequence[Tensor]]
"""New tensors from those that there are, and from indices of rows."""


def binary(draw: Any, values: Sequence[Tensor], indices: Tensor) -> Sequence[Tensor]:
    x, y = draw(st.sampled_from(values)), draw(st.sampled_from(values))
    try:
        np.broadcast_shapes(x.extents, y.extents)
    except ValueError:
        return []
    operation = draw(st.sampled_from(["+", "-", "*", "/", "maximum", "where"]))
    match operation:
        case "+":
            return [x + y]
        case "-":
            return [x - 0.5 * y]
        case "*":
            return [x * y]
        case "/":
            return [x / (y * y + 1.0)]
        case "maximum":
            return [Maximum.of(x, y)]
        case _:
            return [Where.of(x > y, x, y), Cast.to(x > y, DTYPES["f64"])]


def unary(draw: Any, values: Sequence[Tensor], indices: Tensor) -> Sequence[Tensor]:
    x = draw(st.sampled_from(values))
    return [draw(st.sampled_from([Tanh.of, lambda x: Exp.of(-(x * x)), lambda x: -x]))(x)]


def moved(draw: Any, values: Sequence[Tensor], indices: Tensor) -> Sequence[Tensor]:
    x = draw(st.sampled_from(values))
    match draw(st.integers(0, 3)):
        case 0:
            return [Transpose.of(x)]
        case 1:
            return [Reshape.to(x, (int(np.prod(x.extents)),))]
        case 2 if x.ndim:
            return [Gather.of(x, indices)]
        case _:
            return [BroadcastTo.emit_as([x.value], tensor_type(DTYPES["f64"], (2, *x.extents)))]


def reduced(draw: Any, values: Sequence[Tensor], indices: Tensor) -> Sequence[Tensor]:
    x = draw(st.sampled_from(values))
    if not x.ndim:
        return []
    axes = draw(st.lists(st.integers(0, x.ndim - 1), unique=True, min_size=1))
    return [draw(st.sampled_from([Sum, Max])).over(x, axes, keepdims=draw(st.booleans()))]


def normalised(draw: Any, values: Sequence[Tensor], indices: Tensor) -> Sequence[Tensor]:
    x = draw(st.sampled_from([v for v in values if v.ndim]))
    axis = draw(st.integers(0, x.ndim - 1))
    e = Exp.of(x - Max.over(x, axis, keepdims=True))
    total = Sum.over(e, axis, keepdims=True)
    return [e / total, Sum.over(total * 0.1)]


POINTWISE: tuple[Step, ...] = (binary, binary, unary, moved)
REDUCING: tuple[Step, ...] = (*POINTWISE, reduced, normalised)


def drawn(draw: Any, steps: Sequence[Step]) -> Drawn:
    """A function of a few steps, which ends by changing a variable."""
    function = func.FuncOp("main", ([type_from(t) for t in (*INPUTS, INDICES)], []))
    block = function.body.block
    *values, indices = (Tensor(argument) for argument in block.args)
    with inserting(block.add_op):
        w = VariableOp.emit_as([], VariableType(WEIGHTS), {"variable": StringAttr("w")})
        values.append(Read.of(w))
        for _ in range(draw(st.integers(1, 8))):
            made = draw(st.sampled_from(steps))(draw, values, indices)
            values += [t for t in made if int(np.prod(t.extents)) <= 2000]
        AssignSub.apply(
            w, 0.1 * draw(st.sampled_from([v for v in values if v.extents == shape_of_type(WEIGHTS)]))
        )
        outputs = draw(st.lists(st.sampled_from(values[len(INPUTS) :]), min_size=1, max_size=4))
    block.add_op(func.ReturnOp(*(t.value for t in outputs)))
    function.update_function_type()
    module = ModuleOp([function])
    verify(module)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    inputs: list[Array] = [rng.uniform(-1, 1, shape_of_type(a.type)) for a in block.args[:-1]]
    rows: Array = rng.integers(-1, 7, 6).astype(np.int32)
    return Drawn(module, [*inputs, rows], rng.uniform(-1, 1, shape_of_type(WEIGHTS)))


pointwise_graphs = st.composite(lambda draw: drawn(draw, POINTWISE))
reducing_graphs = st.composite(lambda draw: drawn(draw, REDUCING))
