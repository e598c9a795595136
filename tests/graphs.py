"""Small graph functions for tests: built from a Python body, differentiated, run on the oracle."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Attribute, Block

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype, shape_of_type, tensor_type
from pullback.passes.gradients.emitter import GradientOptions
from pullback.passes.gradients.engine import gradients

Body = Callable[..., "Tensor | Sequence[Tensor]"]


def type_from(text: str) -> Attribute:
    """`"4x?xf32"` as a tensor type."""
    found = re.fullmatch(r"((?:[\d?]+x)*)(.+)", text)
    assert found is not None
    extents = found[1].split("x")[:-1]
    return tensor_type(DTYPES[found[2]], (DYNAMIC_INDEX if n == "?" else int(n) for n in extents))


class Function:
    """A graph function under construction; `block` takes new operations at its end."""

    def __init__(self, types: Sequence[str]) -> None:
        arguments = [type_from(t) for t in types]
        self.op = func.FuncOp("main", (arguments, []))
        self.block: Block = self.op.body.block
        self.args = [Tensor(a) for a in self.block.args]
        self.ys: list[Tensor] = []

    def gradients(
        self,
        ys: Sequence[Tensor],
        xs: Sequence[Tensor],
        grad_ys: Sequence[Tensor | None] | None = None,
        stops: Sequence[Tensor] = (),
        **options: Any,
    ) -> list[Tensor | None]:
        """The engine, at the end of the block."""
        keywords = {k: options.pop(k) for k in ("unconnected",) if k in options}
        return gradients(
            [y.value for y in ys],
            [x.value for x in xs],
            grad_ys or [None] * len(ys),
            self.block,
            self.block.add_op,
            GradientOptions(**options),
            stops=[s.value for s in stops],
            **keywords,
        )

    def __call__(self, *inputs: Any, results: Sequence[Tensor] | None = None) -> list[Any]:
        """The values of `results` (the ys by default) on the oracle."""
        wanted = self.ys if results is None else list(results)
        end = func.ReturnOp(*(t.value for t in wanted))
        self.block.add_op(end)
        self.op.update_function_type()
        try:
            self.op.verify()
            return evaluate(self.op, [np.asarray(x) for x in inputs])
        finally:
            end.detach()
            end.erase()

    @property
    def op_names(self) -> list[str]:
        """The names of the operations, in order."""
        return [op.name for op in self.block.ops]


def build(types: Sequence[str], body: Body) -> Function:
    """A function of these argument types whose body is made by calling `body` with its arguments."""
    function = Function(types)
    with inserting(function.block.add_op):
        made = body(*function.args)
    function.ys = [made] if isinstance(made, Tensor) else list(made)
    return function


def sample(rng: np.random.Generator, type_: Attribute, extent: int = 3, low: float = 0.5) -> Any:
    """Random values of a type: positive and apart from each other, `?` taken as `extent`."""
    shape = tuple(extent if n == DYNAMIC_INDEX else n for n in shape_of_type(type_))
    dtype = numpy_dtype(type_.element_type)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    count = int(np.prod(shape))
    if dtype.kind in "iub":
        return rng.integers(0, 2, shape).astype(dtype)
    real = low + rng.permutation(count) * (1.5 / max(count, 1)) + rng.uniform(0, 1e-3, count)
    values = real + 1j * rng.uniform(0.5, 1, count) if dtype.kind == "c" else real
    return values.reshape(shape).astype(dtype)
