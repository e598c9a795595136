"""Pointwise kernels by vectors: results equal NumPy's to the bit, at sizes that vectors do not divide, too."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.program import compile_function
from pullback.passes.lowering.tuning import tuned
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.gpu.points import Points, check

SIZES = (0, 1, 3, 4, 17, 31, 32, 33, 255, 256, 257, 1003)
ARITHMETIC = """
  %s = graph.add %0, %1 : TYPE
  %m = graph.maximum %s, %0 : TYPE
  %y = graph.multiply %m, %1 : TYPE"""


def flat(size: int, dtype: str, vector: int | None) -> Points:
    tuning = "" if vector is None else f"vector = {vector}, threads = 64"
    return Points([f"{size}x{dtype}"] * 2, ARITHMETIC, f"{size}x{dtype}", tuning)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "vector"), [("f32", 2), ("f32", 4), ("f64", 2), ("i32", 4), ("i64", 2)])
def test_flat(size: int, dtype: str, vector: int) -> None:
    check(flat(size, dtype, vector))


def picked(size: int, vector: int) -> Points:
    """Truth values, numbers, and a choice by them: bytes beside words."""
    types = [f"{size}xf32", f"{size}xf32", f"{size}xi1"]
    body = f"""
  %b = graph.less %0, %1 : (tensor<{size}xf32>, tensor<{size}xf32>) -> tensor<{size}xi1>
  %c = graph.logical_and %b, %2 : tensor<{size}xi1>
  %y = graph.where %c, %0, %1 : (tensor<{size}xi1>, tensor<{size}xf32>, tensor<{size}xf32>) -> TYPE"""
    return Points(types, body, f"{size}xf32", f"vector = {vector}")


@pytest.mark.parametrize("vector", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 5, 257])
def test_truth_values(size: int, vector: int) -> None:
    check(picked(size, vector))


def broadcast(rows: int, columns: int, vector: int, dtype: str = "f32") -> Points:
    """x[i, j] * row[j] + column[i] + one."""
    whole = f"{rows}x{columns}x{dtype}"
    types = [whole, f"{columns}x{dtype}", f"{rows}x1x{dtype}", f"1x{dtype}"]
    a, b, c, d = (f"tensor<{t}>" for t in types)
    body = f"""
  %p = graph.multiply %0, %1 : ({a}, {b}) -> TYPE
  %q = graph.add %p, %2 : (TYPE, {c}) -> TYPE
  %y = graph.add %q, %3 : (TYPE, {d}) -> TYPE"""
    return Points(types, body, whole, f"vector = {vector}, threads = 32")


@pytest.mark.parametrize(
    ("rows", "columns", "vector"), [(5, 8, 4), (33, 4, 4), (1, 12, 4), (7, 6, 2), (3, 7, 1)]
)
def test_broadcasts(rows: int, columns: int, vector: int) -> None:
    check(broadcast(rows, columns, vector))


def gathered(count: int, columns: int, vector: int) -> Points:
    """Rows that indices name, some of them out of range."""
    types = [f"6x{columns}xf32", f"{count}xi32"]
    body = f"%y = graph.gather %0, %1 : (tensor<{types[0]}>, tensor<{types[1]}>) -> TYPE"
    return Points(types, body, f"{count}x{columns}xf32", f"vector = {vector}")


@pytest.mark.parametrize(("count", "columns", "vector"), [(9, 8, 4), (9, 6, 2), (9, 5, 1), (0, 8, 4)])
def test_gathered_rows(count: int, columns: int, vector: int) -> None:
    check(gathered(count, columns, vector))


def joined(a: int, b: int, rows: int, vector: int) -> Points:
    """Two matrices side by side."""
    types = [f"{rows}x{a}xf32", f"{rows}x{b}xf32"]
    x, y = (f"tensor<{t}>" for t in types)
    body = f"%y = graph.concat %0, %1 {{axis = 1 : i64}} : ({x}, {y}) -> TYPE"
    return Points(types, body, f"{rows}x{a + b}xf32", f"vector = {vector}", "concat")


@pytest.mark.parametrize(("a", "b", "vector"), [(8, 4, 4), (6, 4, 2), (5, 7, 1)])
def test_pieces(a: int, b: int, vector: int) -> None:
    check(joined(a, b, 33, vector))


def sliced(stride: int, size: int) -> Points:
    """Every element, or every second one, from the one after the first."""
    bounds = f"begin = array<i64: 1>, end = array<i64: 99>, strides = array<i64: {stride}>"
    body = f"%y = graph.strided_slice %0 {{{bounds}}} : (tensor<99xf32>) -> TYPE"
    return Points(["99xf32"], body, f"{size}xf32", "vector = 4")


FIBERS = {
    "flat": flat(1003, "f32", 4),
    "by default": flat((1 << 17) + 3, "f32", None),
    "f64": flat(257, "f64", 2),
    "truth values": picked(257, 4),
    "broadcast": broadcast(33, 8, 4),
    "gathered": gathered(9, 8, 4),
    "pieces": joined(8, 4, 33, 4),
}


@pytest.mark.compiler
@pytest.mark.parametrize("points", FIBERS.values(), ids=FIBERS)
def test_as_text(points: Points) -> None:
    check(points, "fibers")


# ---- defaults and what is refused -------------------------------------------------------------------------------


def chosen(points: Points) -> int | None:
    return tuned(points.kernel, "gpu").gpu.vector


@pytest.mark.parametrize(
    ("points", "vector"),
    [
        (flat(1 << 20, "f32", None), 4),
        (flat(1 << 20, "f64", None), 2),
        (flat((1 << 20) + 1, "f32", None), 4),
        (flat(1000, "f32", None), 1),
        (Points(["1048576xf32"], "%y = graph.tanh %0 : TYPE", "1048576xf32"), 4),
        (
            Points(
                ["1048576xf32"],
                "%a = graph.tanh %0 : TYPE\n%b = graph.exp %a : TYPE\n%y = graph.tanh %b : TYPE",
                "1048576xf32",
            ),
            4,
        ),
        (
            Points(
                ["1048576xf32"],
                "\n".join(f"%{i + 1} = graph.tanh %{i} : TYPE" for i in range(7))
                + "\n%y = graph.tanh %7 : TYPE",
                "1048576xf32",
            ),
            2,
        ),
        (
            Points(
                ["1001x1000xf32", "1000xf32"],
                "%y = graph.add %0, %1 : (TYPE, tensor<1000xf32>) -> TYPE",
                "1001x1000xf32",
            ),
            4,
        ),
        (
            Points(
                ["1000x1001xf32", "1001xf32"],
                "%y = graph.add %0, %1 : (TYPE, tensor<1001xf32>) -> TYPE",
                "1000x1001xf32",
            ),
            1,
        ),
        (Points(["1048576xi1"], "%y = graph.logical_not %0 : TYPE", "1048576xi1"), 16),
    ],
)
def test_the_default(points: Points, vector: int) -> None:
    """Wide where memory takes the time, and there is work for a device."""
    assert chosen(points) == vector


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (broadcast(5, 6, 4), "vector is 4, but input 1 is accessed in runs of 6 elements; expected 1 or 2"),
        (
            flat(100, "f64", 4),
            "vector is 4, but result 0 would be accessed by 32 bytes at once, of 16; expected 1 or 2",
        ),
        (joined(5, 7, 4, 4), "expected 1"),
        (joined(6, 6, 4, 4), "expected 1 or 2"),
        (gathered(9, 5, 4), "expected 1"),
        (
            sliced(2, 49),
            "input 0 is accessed 2 elements apart; expected 1",
        ),
        (
            sliced(1, 98),
            "input 0 is accessed from element 1 on; expected 1",
        ),
    ],
)
def test_what_accesses_do_not_allow(points: Points, message: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        compile_function(points.module, "simt")(points.arrays(), {})
    assert message in str(caught.value)


def test_results_do_not_depend_on_the_vector() -> None:
    points = [flat(1003, "f32", vector) for vector in (1, 2, 4)]
    results = [compile_function(p.module, "simt")(p.arrays(), {})[0] for p in points]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_the_text_is_of_level_kernels() -> None:
    verify_level(flat(10, "f32", 4).module, "kernels")
