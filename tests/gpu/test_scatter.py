"""Scatter kernels on GPUs: rows added to, subtracted from or put into a tensor, by every method, as NumPy does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import MemRefType, ModuleOp, i64

from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.index_bitwidth import INDEX_BITWIDTH, index_bitwidth
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.tests.gpu.programs import launching

Array = npt.NDArray[Any]


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


METHODS = ("method = in_order", "method = sorted", "method = sorted, threads = 32")


@pytest.mark.parametrize("op", ["add", "subtract", "replace", "densify"])
@pytest.mark.parametrize("count", [0, 1, 17, 257])
def test_against_numpy(count: int, op: str) -> None:
    check(Case(count, 23, op=op, in_place=count % 3 == 2))


@pytest.mark.parametrize("tuning", METHODS)
@pytest.mark.parametrize("op", ["add", "replace"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64", "i1"])
def test_dtypes(dtype: str, op: str, tuning: str) -> None:
    if (dtype, op) != ("i1", "add"):  # truth values do not add up
        check(Case(40, 6, dtype=dtype, indices="i64", op=op, in_place=dtype[0] == "f", tuning=tuning))


@pytest.mark.parametrize("chunk", [4, 5, 32, 1000])
@pytest.mark.parametrize("rows", [0, 1, 3, 400])
def test_chunks(rows: int, chunk: int) -> None:
    """Indices that begin and end in a chunk, that fill one, several, or all of them."""
    check(Case(131, rows, (), tuning=f"method = sorted, threads = 32, chunk = {chunk}"))


@pytest.mark.parametrize("columns", [(), (1,), (0,), (2, 3), (1, 33)])
def test_columns(columns: tuple[int, ...]) -> None:
    for tuning, op in (("in_order", "subtract"), ("sorted", "subtract"), ("sorted", "replace")):
        check(Case(70, 9, columns, op=op, in_place=True, tuning=f"method = {tuning}"))


@pytest.mark.parametrize("target", range(-1, 4))
def test_all_rows_of_one_index(target: int) -> None:
    case = Case(600, 3, (2,), tuning="chunk = 4")
    base, rows, indices = case.inputs()
    indices[:] = target
    (got,) = compile_function(case.module, "simt")([base, rows, indices], {})
    np.testing.assert_array_equal(got, expected(case, [base, rows, indices]))


@pytest.mark.parametrize("tuning", ["method = in_order", "method = sorted", "method = sorted, chunk = 512"])
def test_long_sums_are_those_of_higher_precision(tuning: str) -> None:
    case = Case(4000, 1, (1,), tuning=tuning)
    rows = np.full((4000, 1), 0.1, np.float32)
    inputs = [np.zeros((1, 1), np.float32), rows, np.zeros(4000, np.int32)]
    (got,) = compile_function(case.module, "simt")(inputs, {})
    assert got[0, 0] == np.float32(rows.sum(dtype=np.float64))


def test_bits_repeat_and_do_not_depend_on_the_threads() -> None:
    rng = np.random.default_rng(3)
    found: set[bytes] = set()
    for threads in (32, 32, 256):
        case = Case(500, 4, (3,), tuning=f"threads = {threads}")
        base, rows, indices = case.inputs()
        base, rows = (rng.standard_normal(x.shape).astype(np.float32) for x in (base, rows))
        rng = np.random.default_rng(3)
        (got,) = compile_function(case.module, "simt")([base, rows, indices], {})
        found.add(got.tobytes())
    assert len(found) == 1


def lowered_kernels(case: Case) -> LoweredKernel:
    """What a case is lowered to, where the output is written over the base."""
    (kernel,) = (k for k in case.module.walk() if isinstance(k, Kernel))
    return gpu_kernels(Signature(kernel, "k", [("output", 0), ("input", 1), ("input", 2)], [("output", 0)]))


@pytest.mark.parametrize("op", [pytest.param("add", marks=pytest.mark.slow), "replace"])
def test_keys_beyond_32_bits(op: str) -> None:
    """Of so many rows that the products of indices and numbers need 64 bits; few of them are touched."""
    case = Case(70, 1 << 25, (), "i32", op=op, tuning="method = sorted, threads = 32")
    lowered = lowered_kernels(case)
    rng = np.random.default_rng(0)
    named = np.array([(1 << 25) - 1, (1 << 25) - 2, 1 << 25, 7, -(1 << 31)], np.int32)
    base, indices = np.zeros(1 << 25, np.int32), rng.choice(named, 70)
    rows = rng.integers(-9, 9, 70).astype(np.int32)
    types = [type_ for _, type_ in lowered.arguments]
    scratch = [np.zeros(t.get_shape(), np.int64 if t.element_type == i64 else np.int32) for t in types[3:]]
    assert i64 in [t.element_type for t in types[3:]]
    wanted = expected(case, [base, rows, indices])
    run(launching(lowered.code, types), [base, rows, indices, *scratch], undefined=range(3, len(types)))
    np.testing.assert_array_equal(base, wanted)


@pytest.mark.parametrize("target", ["fibers"])
@pytest.mark.parametrize(
    "case",
    [
        Case(300, 40, (3,), "f64", "i64", "subtract", in_place=True),
        Case(300, 2, (), "i64", tuning="chunk = 4"),
        Case(70, 9, (2, 2), "i1", op="replace"),
        Case(33, 9, (33,), op="densify", tuning="method = in_order"),
    ],
    ids=str,
)
def test_as_cuda_text(case: Case, target: str) -> None:
    check(case, target)


@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(10**6, 50_000, 16), (4096, 32_000, 512), (2**20 + 1, 7, 1)]
)
@pytest.mark.parametrize("op", ["add", "replace"])
def test_no_work_is_left_to_a_few_blocks(count: int, rows: int, columns: int, op: str) -> None:
    for kernel in lowered_kernels(Case(count, rows, (columns,), op=op)).code:
        assert isinstance(kernel, GpuKernel)
        sizes = [
            prod(t.get_shape()) for t in kernel.function.body.block.arg_types if isinstance(t, MemRefType)
        ]
        read = [size for size in sizes if size != rows * columns]  # of the output a few rows are touched
        assert max(read, default=0) <= 1 << 20 or kernel.blocks >= 128, kernel.function.sym_name.data


@pytest.mark.parametrize("op", ["add", "replace"])
def test_indices_have_32_bits(op: str) -> None:
    for kernel in lowered_kernels(Case(10**6, 50_000, (16,), op=op)).code:
        assert isinstance(kernel, GpuKernel)
        assert kernel.function.attributes[INDEX_BITWIDTH] == index_bitwidth(32), kernel.function.sym_name.data


def test_outputs_and_rows_one_after_the_other() -> None:
    """Of one kernel: rows added to what rows were added to, and the rows of another output."""
    slices = "!graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<9x5xf32>>"
    operands = "(tensor<9x5xf32>, tensor<70x5xf32>, tensor<70xi32>, tensor<70x5xf32>, tensor<70xi32>)"
    text = f"""
    func.func @main(%x: tensor<9x5xf32>, %r: tensor<70x5xf32>, %t: tensor<70xi32>,
                    %q: tensor<70x5xf32>, %u: tensor<70xi32>) -> (tensor<9x5xf32>, tensor<9x5xf32>) {{
      %k:2 = graph.kernel %x, %r, %t, %q, %u schedule<kind = scatter, parallel = [70, 5]>
          : {operands} -> (tensor<9x5xf32>, tensor<9x5xf32>) {{
      ^bb0(%0: tensor<9x5xf32>, %1: tensor<70x5xf32>, %2: tensor<70xi32>, %3: tensor<70x5xf32>, %4: tensor<70xi32>):
        %a = graph.make_slices %1, %2 : (tensor<70x5xf32>, tensor<70xi32>) -> {slices}
        %b = graph.make_slices %3, %4 : (tensor<70x5xf32>, tensor<70xi32>) -> {slices}
        %d = graph.densify %a : ({slices}) -> tensor<9x5xf32>
        %e = graph.densify %b : ({slices}) -> tensor<9x5xf32>
        %s = graph.add %0, %d : tensor<9x5xf32>
        %y = graph.subtract %s, %e : tensor<9x5xf32>
        graph.yield %y, %d : tensor<9x5xf32>, tensor<9x5xf32>
      }}
      func.return %k#0, %k#1 : tensor<9x5xf32>, tensor<9x5xf32>
    }}"""
    case = Case(70, 9)
    inputs = [*case.inputs(), *case.inputs(1)[1:]]
    first = expected(case, inputs[:3])
    wanted = expected(replace(case, op="subtract"), [first, *inputs[3:]])
    got = compile_function(parse(context(), text).module, "simt")(inputs, {})
    np.testing.assert_array_equal(got[0], wanted)
    np.testing.assert_array_equal(got[1], expected(replace(case, op="densify"), inputs[:3]))


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ("method = in_order, chunk = 8", "chunk says nothing here"),
        ("method = sorted, chunk = 2", "chunk is 2; expected 4 rows or more"),
        (
            "vector = 4",
            "vector says nothing to kind 'scatter' on GPUs; expected one of threads, method, chunk",
        ),
    ],
)
def test_tuning_is_checked(tuning: str, message: str) -> None:
    with pytest.raises(DiagnosticError, match=message):
        compile_function(Case(40, 6, tuning=tuning).module, "simt")(Case(40, 6).inputs(), {})


def test_chunks_of_rows_that_replace_are_refused() -> None:
    case = Case(40, 6, op="replace", tuning="chunk = 8")
    with pytest.raises(DiagnosticError, match="chunk says nothing here: only sorted rows that add up"):
        compile_function(case.module, "simt")(case.inputs(), {})
