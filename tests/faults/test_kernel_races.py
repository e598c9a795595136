"""Races of GPU kernels: a thread stored what threads of other blocks, or of its own, still loaded.

Each case is a kernel of lines (rows or columns) whose results may take the place of its operands, wherever the memory
plan proves that they may. The emulator stops at races; values are the evaluator's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb
from pullback.backends.cuda_runtime.compile_kernels import compile_to_cubin
from pullback.dialects.context import context
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import main_function
from pullback.tests.compiled_kernels import has_nvrtc

Array = npt.NDArray[Any]

SHAPES = [(3, 5), (33, 32), (6, 70), (70, 6), (40, 300), (300, 40), (1, 5), (5, 1), (1, 1), (0, 5), (5, 0)]
"""Fewer than the lanes of a warp, as many and one line more, one warp and several; lines and points of nothing."""
PLACES = {"point": "x", "line": "b", "exp": "b", "scaled": "b", "one": "c", "total": "c", "across": "a"}
"""The operand that a result of the kernel has the shape of."""
RESULTS = [*chain.from_iterable(combinations(PLACES, n) for n in (1, 2)), tuple(PLACES)]


def tensor(shape: Sequence[int]) -> str:
    return f"tensor<{''.join(f'{n}x' for n in shape)}f32>"


def program(kind: str, shape: tuple[int, int], results: Sequence[str], in_place: Mapping[str, str]) -> str:
    """A kernel of operands x, b (one for each line), c (one number) and a (one for each point of a line).

    The results of `in_place` are assigned to variables, whose old contents are the operands that they name.
    """
    axis = 1 if kind == "rows" else 0
    lines, points = shape[1 - axis], shape[axis]
    kept = tensor((lines, 1) if axis else (1, lines))
    types = {"x": tensor(shape), "b": tensor((lines,)), "c": tensor(()), "a": tensor((points,))}
    x, b, c, a = types.values()
    yielded = ", ".join(types[PLACES[r]] for r in results)
    updated = set(in_place.values())
    returned = [r for r in results if r not in in_place]
    out = ", ".join(types[PLACES[r]] for r in returned)
    variables = [
        f'%v{n} = graph.variable {{variable = "{n}"}} : !graph.ref<{types[n]}>\n'
        f"%{n} = graph.read %v{n} : (!graph.ref<{types[n]}>) -> {types[n]}"
        for n in sorted(updated)
    ]
    updates = [
        f"graph.assign %v{n}, %r_{r} : !graph.ref<{types[n]}>, {types[n]}" for r, n in in_place.items()
    ]
    newline = "\n"
    return f"""
func.func @main({", ".join(f"%{n}: {t}" for n, t in types.items() if n not in updated)}) -> ({out}) {{
  {newline.join(variables)}
  {", ".join(f"%r_{r}" for r in results)} = graph.kernel %x, %b, %c, %a schedule<
      kind = {kind}, parallel = [{lines}], reduce = [{points}]>
      : ({x}, {b}, {c}, {a}) -> ({yielded}) {{
  ^bb0(%0: {x}, %1: {b}, %2: {c}, %3: {a}):
    %sum = graph.sum %0 {{axes = array<i64: {axis}>}} : ({x}) -> {b}
    %max = graph.max %0 {{axes = array<i64: {axis}>, keepdims}} : ({x}) -> {kept}
    %d = graph.subtract %0, %max : ({x}, {kept}) -> {x}
    %e = graph.exp %d : {x}
    %n = graph.sum %e {{axes = array<i64: {axis}>, keepdims}} : ({x}) -> {kept}
    %point = graph.divide %e, %n : ({x}, {kept}) -> {x}
    %line = graph.subtract %1, %sum : {b}
    %exp = graph.exp %1 : {b}
    %scaled = graph.multiply %exp, %2 : ({b}, {c}) -> {b}
    %one = graph.exp %2 : {c}
    %all = graph.sum %0 {{axes = array<i64: 0, 1>}} : ({x}) -> {c}
    %total = graph.multiply %2, %all : {c}
    %across = graph.sum %d {{axes = array<i64: {1 - axis}>}} : ({x}) -> {a}
    graph.yield {", ".join(f"%{r}" for r in results)} : {yielded}
  }}
  {newline.join(updates)}
  func.return {f"{', '.join(f'%r_{r}' for r in returned)} : {out}" if out else ""}
}}
"""


def run(text: str, target: str) -> list[Array]:
    """Results, and what is left in the variables."""
    module = parse(context(), text).module
    function = main_function(module)
    rng = np.random.default_rng(0)

    def draw(type_: Any) -> Array:
        return np.asarray(rng.uniform(-1, 1, shape_of_type(type_)), np.float32)

    inputs = [draw(argument.type) for argument in function.body.block.args]
    references = [op for op in function.walk() if isinstance(op, VariableOp)]
    variables = {op.label: draw(op.results[0].type.data_type) for op in references}  # pyright: ignore[reportAttributeAccessIssue] a reference
    return [*compile_function(module, target)(inputs, variables), *variables.values()]


@pytest.mark.matrix(24)
@pytest.mark.parametrize("results", RESULTS, ids="-".join)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_kernels_of_lines(kind: str, shape: tuple[int, int], results: Sequence[str]) -> None:
    for in_place in ({}, *({r: PLACES[r]} for r in results), *_apart(results)):
        text = program(kind, shape, results, in_place)
        for got, expected in zip(run(text, "simt"), run(text, "numpy"), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def _apart(results: Sequence[str]) -> list[Mapping[str, str]]:
    """All results in place at once, where each has an operand of its own."""
    all_of_them = {r: PLACES[r] for r in results}
    return [all_of_them] if len(results) > 1 and len(set(all_of_them.values())) == len(results) else []


def test_a_result_in_place_of_an_operand_is_one_case() -> None:
    """Otherwise the cases above would show nothing."""
    text = program("columns", (6, 70), ["line"], {"line": "b"})
    kernels = compile_function(parse(context(), text).module, "simt").ir("kernels")
    assert '#graph.buffer<variable, "b">' in kernels


# ---- what a user writes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [5, 32, 40, 70])
@pytest.mark.parametrize("rows", [3, 300])
@pytest.mark.parametrize("axis", [0, 1])
def test_an_update_by_a_sum(axis: int, rows: int, columns: int) -> None:
    """Lanes of other blocks, which have no column, loaded the first element of the variable."""
    x = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    with pb.Graph():
        b = pb.Variable(np.ones(x.shape[1 - axis], np.float32))
        p = pb.placeholder("f32", x.shape)
        update = b.assign_sub(0.1 * pb.sum(p, axis=axis))
        step = pb.compile([p], [update, b], target="simt")
    np.testing.assert_allclose(step(x)[1], 1 - 0.1 * x.sum(axis=axis), rtol=1e-4, atol=1e-5)


def test_a_scalar_that_all_lanes_read() -> None:
    a, b = (np.random.default_rng(i).uniform(0.5, 1, 70).astype(np.float32) for i in range(2))
    with pb.Graph():
        c = pb.Variable(np.float32(3))
        p, q = pb.placeholder("f32", (70,)), pb.placeholder("f32", (70,))
        update = c.assign(c * (pb.sum(pb.exp(q)) / pb.sum(p)))
        step = pb.compile([p, q], [update, c], target="simt")
    np.testing.assert_allclose(step(a, b)[1], 3 * np.exp(b).sum() / a.sum(), rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_scalar_beside_sums(axis: int) -> None:
    """It was stored once for each line."""
    x = np.random.default_rng(0).normal(size=(40, 70)).astype(np.float32)
    with pb.Graph():
        p, c = pb.placeholder("f32", (40, 70)), pb.placeholder("f32", ())
        e = pb.exp(c)
        step = pb.compile([p, c], [e, pb.sum(p * e, axis=axis)], target="simt")
    scalar, sums = step(x, np.float32(0.5))
    np.testing.assert_allclose(scalar, np.exp(0.5), rtol=1e-6)
    np.testing.assert_allclose(sums, (x * np.exp(0.5)).sum(axis=axis), rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not has_nvrtc(), reason="no nvidia-cuda-nvrtc")
@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_nvrtc_takes_them(kind: str) -> None:
    text = program(kind, (40, 70), list(PLACES), {"point": "x", "across": "a"})
    source = compile_function(parse(context(), text).module, "simt").ir("cuda")
    assert compile_to_cubin(source).startswith(b"\x7fELF")
