"""Pointwise kernels of level `kernels` as text with a schedule, run on a target and by NumPy's evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Points:
    """One kernel: its inputs by type, what it computes, and its schedule."""

    inputs: Sequence[str]
    """As in `5x7xf32`; the arguments are %0, %1, …"""
    body: str
    """Operations; `TYPE` stands for the result's type, and %y is the last value."""
    result: str
    tuning: str = ""
    kind: str = "pointwise"

    @property
    def text(self) -> str:
        types = [f"tensor<{t}>" for t in self.inputs]
        outer = ", ".join(f"%x{i}: {t}" for i, t in enumerate(types))
        inner = ", ".join(f"%{i}: {t}" for i, t in enumerate(types))
        operands = ", ".join(f"%x{i}" for i in range(len(types)))
        extents = [int(n) for n in self.result.split("x")[:-1]]
        gpu = f", gpu = {{{self.tuning}}}" if self.tuning else ""
        result = f"tensor<{self.result}>"
        return f"""
        func.func @main({outer}) -> {result} {{
          %r = graph.kernel {operands} schedule<kind = {self.kind}, parallel = {extents}{gpu}>
              : ({", ".join(types)}) -> {result} {{
          ^bb0({inner}):
            {self.body.replace("TYPE", result)}
            graph.yield %y : {result}
          }}
          func.return %r : {result}
        }}"""

    @property
    def module(self) -> ModuleOp:
        return parse(context(), self.text).module

    @property
    def kernel(self) -> Kernel:
        return next(op for op in self.module.walk() if isinstance(op, Kernel))

    def arrays(self, seed: int = 0) -> list[Array]:
        """Numbers for the inputs, with NaN and infinities among floats."""
        return [sample(type_, seed + i) for i, type_ in enumerate(self.inputs)]


def sample(type_: str, seed: int) -> Array:
    """An array of this type: small numbers, and what is special among floats."""
    *extents, name = type_.split("x")
    rng, dtype = np.random.default_rng(seed), numpy_dtype(DTYPES[name])
    numbers: Array = rng.integers(-9, 9, [int(n) for n in extents])
    if dtype == np.bool_:
        return numbers > 0
    result = numbers.astype(dtype)
    if dtype.kind == "f" and result.size > 3:
        result.flat[rng.integers(0, result.size, 3)] = [np.nan, np.inf, -np.inf]
    return result


def check(points: Points, target: str = "simt", seed: int = 0) -> None:
    """Runs a kernel on a target, and compares with the evaluator, to the bit."""
    arrays = points.arrays(seed)
    function = next(op for op in points.module.ops if isinstance(op, func.FuncOp))
    with np.errstate(all="ignore"):
        expected = evaluate(function, arrays)
    results = compile_function(points.module, target)(arrays, {})
    for got, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def transposed(rows: int, columns: int, dtype: str = "f32", tuning: str = "", more: str = "") -> Points:
    """y = x^T + x^T, of so many rows and columns of the result; `more` is what comes after."""
    turned = f"{columns}x{rows}x{dtype}"
    body = (
        f"%t = graph.transpose %0 {{permutation = array<i64: 1, 0>}} : (tensor<{turned}>) -> TYPE\n"
        "%y = graph.maximum %t, %t : TYPE"
    )
    return Points([turned], body + more, f"{rows}x{columns}x{dtype}", tuning)
