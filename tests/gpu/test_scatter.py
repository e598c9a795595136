"""Scatter kernels on GPUs: rows added to, subtracted from or put into a tensor, by every method, as NumPy does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function

Array = npt.NDArray[Any]
METHODS = ("", "threads = 32")


@dataclass(frozen=True)
class Case:
    """A scatter of `count` rows into `rows` rows of some columns."""

    count: int
    rows: int
    columns: tuple[int, ...] = (5,)
    dtype: str = "f32"
    indices: str = "i32"
    op: str = "add"
    in_place: bool = False
    tuning: str = ""

    @property
    def module(self) -> ModuleOp:
        """A function of the base, the rows and the indices."""
        base, rows = (self.type(n, *self.columns) for n in (self.rows, self.count))
        indices = f"tensor<{self.count}x{self.indices}>"
        slices = f"!graph.slices<{rows}, {indices}, {base}>"
        update = {
            "densify": "%y = graph.identity %d : BASE",
            "add": "%y = graph.add %0, %d : BASE",
            "subtract": "%y = graph.subtract %0, %d : BASE",
            "replace": f"%y = graph.replace_rows %0, %s : (BASE, {slices}) -> BASE",
        }[self.op]
        dense = "" if self.op == "replace" else f"%d = graph.densify %s : ({slices}) -> BASE"
        made = update.replace("BASE", base), dense.replace("BASE", base)
        if self.op == "densify":
            made = "", made[1].replace("%d", "%y")
        before = "graph.negative" if self.in_place else "graph.identity"
        parallel = [self.count, *self.columns]
        text = f"""
        func.func @main(%x: {base}, %r: {rows}, %t: {indices}) -> {base} {{
          %b = {before} %x : {base}
          %k = graph.kernel %b, %r, %t schedule<kind = scatter, parallel = {parallel}, gpu = {{{self.tuning}}}>
              : ({base}, {rows}, {indices}) -> {base} {{
          ^bb0(%0: {base}, %1: {rows}, %2: {indices}):
            %s = graph.make_slices %1, %2 : ({rows}, {indices}) -> {slices}
            {made[1]}
            {made[0]}
            graph.yield %y : {base}
          }}
          %z = {before} %k : {base}
          func.return %z : {base}
        }}"""
        return parse(context(), text).module

    def type(self, *shape: int) -> str:
        return f"tensor<{'x'.join(map(str, (*shape, self.dtype)))}>"

    def inputs(self, seed: int = 0) -> list[Array]:
        """A base, rows, and indices, many of them equal, and some out of range on both sides."""
        rng, dtype = np.random.default_rng(seed), numpy_dtype(DTYPES[self.dtype])
        base, rows = (rng.integers(-9, 9, (n, *self.columns)).astype(dtype) for n in (self.rows, self.count))
        indices = rng.integers(-1, self.rows + 2, self.count)
        return [base, rows, indices.astype(numpy_dtype(DTYPES[self.indices]))]


def expected(case: Case, inputs: list[Array]) -> Array:
    """What NumPy makes of it, one row after the other; the numbers are whole, so sums are exact."""
    base, rows, indices = inputs
    sign = -1 if case.in_place else 1
    result = np.zeros_like(base) if case.op == "densify" else base.copy() if sign > 0 else -base
    for row, index in zip(rows, indices, strict=True):
        if 0 <= index < case.rows:
            if case.op == "replace":
                result[index] = row
            elif case.op == "subtract":
                result[index] -= row
            else:
                result[index] += row
    return result if sign > 0 else -result


def check(case: Case, target: str = "simt") -> None:
    inputs = case.inputs()
    (got,) = compile_function(case.module, target)(inputs, {})
    np.testing.assert_array_equal(got, expected(case, inputs))


@pytest.mark.parametrize("op", ["add", "subtract", "replace", "densify"])
@pytest.mark.parametrize("count", [0, 1, 17, 257])
def test_against_numpy(count: int, op: str) -> None:
    check(Case(count, 23, op=op, in_place=count % 3 == 2))


@pytest.mark.parametrize("tuning", METHODS)
@pytest.mark.parametrize("op", ["add", "replace"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64", "i1"])
def test_dtypes(dtype: str, op: str, tuning: str) -> None:
    if (dtype, op) == ("i1", "add"):
        pytest.skip("truth values do not add up")
    check(Case(40, 6, dtype=dtype, indices="i64", op=op, in_place=dtype[0] == "f", tuning=tuning))
