"""Inputs that go through shared memory: transposes of any extents, of several inputs, of batches; and wrong tiles."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.program import compile_function
from pullback.passes.lowering.tuning import tuned
from pullback.tests.gpu.points import Points, check, transposed

EXTENTS = [(1, 70), (70, 1), (2, 3), (16, 16), (17, 31), (31, 33), (32, 64), (33, 65), (70, 69)]
STAGED = "stage = [0]"


@pytest.mark.parametrize(("rows", "columns"), EXTENTS)
@pytest.mark.parametrize(
    "tuning",
    [f"{STAGED}, tile = [32, 32]", f"{STAGED}, threads = 64, tile = [8, 16]", f"{STAGED}, threads = 1024"],
)
def test_transposes(rows: int, columns: int, tuning: str) -> None:
    if 1 in (rows, columns):  # nothing is across there
        tuning = ""
    check(transposed(rows, columns, "f32", tuning))


@pytest.mark.parametrize("dtype", ["f64", "i1", "i32", "i64"])
def test_dtypes(dtype: str) -> None:
    points = transposed(37, 41, dtype, STAGED)
    if dtype == "i1":
        points = Points(points.inputs, points.body.replace("maximum", "logical_xor"), points.result, STAGED)
    check(points)


def test_nothing() -> None:
    check(transposed(0, 40))


def several(tuning: str = "stage = [0, 2]") -> Points:
    """a^T + b, where b is as it is, then by c^T: two of three inputs are across, and one of them is also along."""
    types = ["33x33xf32", "33x33xf32", "33x33xf32"]
    body = """
  %a = graph.transpose %0 {permutation = array<i64: 1, 0>} : (TYPE) -> TYPE
  %c = graph.transpose %2 {permutation = array<i64: 1, 0>} : (TYPE) -> TYPE
  %s = graph.add %a, %1 : TYPE
  %p = graph.multiply %s, %c : TYPE
  %y = graph.add %p, %0 : TYPE"""
    return Points(types, body, "33x33xf32", tuning)


def test_several_inputs() -> None:
    check(several())


def batches(permutation: tuple[int, int, int, int], tuning: str = STAGED) -> Points:
    """A tensor whose axes are rearranged."""
    extents = (3, 18, 2, 35)
    result = [extents[axis] for axis in permutation]
    source, target = ("x".join(map(str, e)) + "xf32" for e in (extents, result))
    turned = f"graph.transpose %0 {{permutation = array<i64: {', '.join(map(str, permutation))}>}}"
    body = f"%t = {turned} : (tensor<{source}>) -> TYPE\n%y = graph.negative %t : TYPE"
    return Points([source], body, target, tuning)


@pytest.mark.parametrize(
    "permutation",
    [(0, 2, 3, 1), (0, 3, 2, 1), (3, 0, 1, 2), (1, 3, 0, 2), (3, 2, 1, 0), (2, 3, 0, 1), (0, 1, 3, 2)],
)
def test_batches(permutation: tuple[int, int, int, int]) -> None:
    check(batches(permutation))


def joined() -> Points:
    """A piece as it is, and one that is transposed."""
    types = ["40x20xf32", "17x40xf32"]
    body = """
  %t = graph.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<17x40xf32>) -> tensor<40x17xf32>
  %y = graph.concat %0, %t {axis = 1 : i64} : (tensor<40x20xf32>, tensor<40x17xf32>) -> TYPE"""
    return Points(types, body, "40x37xf32", "stage = [1]", "concat")


def test_a_piece() -> None:
    check(joined())


FIBERS = {
    "odd": transposed(33, 65, "f32", STAGED),
    "four points each": transposed(33, 65, "f64", f"{STAGED}, tile = [32, 32]"),
    "several": several(),
    "batches": batches((3, 0, 1, 2)),
    "piece": joined(),
}


@pytest.mark.compiler
@pytest.mark.parametrize("points", FIBERS.values(), ids=FIBERS)
def test_as_text(points: Points) -> None:
    check(points, "fibers")


# ---- defaults and what is refused -----------------------------------------------------------------------------------


def chosen(points: Points) -> tuple[object, object, object]:
    tuning = tuned(points.kernel, "gpu").gpu
    return tuning.stage, tuning.tile, tuning.vector


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (transposed(4096, 4096), ((0,), (32, 32), 1)),
        (transposed(130, 65), ((0,), (16, 16), 1)),
        (transposed(8, 100_000), ((), (), 1)),
        (transposed(1000, 1, tuning="threads = 128"), ((), (), 1)),
        (transposed(4096, 4096, tuning="stage = []"), ((), (), 1)),
        (several(""), ((0, 2), (16, 16), 1)),
        (several("stage = [2]"), ((2,), (16, 16), 1)),
        (several("threads = 512"), ((0, 2), (32, 32), 1)),
        (batches((0, 1, 3, 2), ""), ((), (), 1)),
    ],
)
def test_the_default(points: Points, expected: tuple[object, object, object]) -> None:
    assert chosen(points) == expected


def many(count: int) -> Points:
    """A sum of so many transposes of f64."""
    types = ["64x64xf64"] * count
    lines = [
        f"%t{i} = graph.transpose %{i} {{permutation = array<i64: 1, 0>}} : (TYPE) -> TYPE"
        for i in range(count)
    ]
    sums = [f"%s{i} = graph.add %{'t0' if i == 1 else f's{i - 1}'}, %t{i} : TYPE" for i in range(1, count)]
    last = f"%y = graph.negative %s{count - 1} : TYPE"
    return Points(types, "\n".join([*lines, *sums, last]), "64x64xf64", "tile = [32, 32]")


def test_as_many_as_shared_memory_takes() -> None:
    assert chosen(many(9)) == ((0, 1, 2, 3, 4), (32, 32), 1)
    check(many(7))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (
            transposed(40, 50, tuning="stage = [0], vector = 4"),
            "vector is 4 beside staged inputs, which are read one by one; expected 1",
        ),
        (several("stage = [1]"), "stage names input 1, which is not read across the result"),
        (several("stage = [3]"), "stage is [3]; expected numbers of inputs in rising order, each below 3"),
        (several("stage = [2, 0]"), "stage is [2, 0]; expected numbers of inputs in rising order"),
        (transposed(40, 50, tuning="tile = [32, 32], stage = []"), "tile is that of staged inputs"),
        (
            transposed(40, 50, tuning="stage = [0], tile = [32]"),
            "tile is [32]; expected two powers of two up to 128",
        ),
        (transposed(40, 50, tuning="stage = [0], tile = [24, 32]"), "expected two powers of two"),
        (transposed(40, 50, tuning="stage = [0], tile = [8, 8]"), "with a point for each of 256 threads"),
        (
            transposed(40, 50, "f64", tuning="stage = [0], tile = [128, 128]"),
            "the staged inputs need 132096 bytes of shared memory, and a block has 49152",
        ),
    ],
)
def test_what_is_refused(points: Points, message: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        compile_function(points.module, "simt")(points.arrays(), {})
    assert message in str(caught.value)


def test_inputs_across_by_different_dims_are_not_staged_together() -> None:
    types = ["18x20x22xf32", "18x22x20xf32"]
    body = """
  %a = graph.transpose %0 {permutation = array<i64: 2, 1, 0>} : (tensor<18x20x22xf32>) -> TYPE
  %b = graph.transpose %1 {permutation = array<i64: 1, 2, 0>} : (tensor<18x22x20xf32>) -> TYPE
  %y = graph.add %a, %b : TYPE"""
    points = Points(types, body, "22x20x18xf32")
    assert chosen(points)[0] == (0,)
    check(points)
    wrong = Points(types, body, points.result, "stage = [0, 1]")
    with pytest.raises(
        DiagnosticError, match="stage names input 1, which has its neighbours along other loops"
    ):
        compile_function(wrong.module, "simt")(wrong.arrays(), {})


def test_results_do_not_depend_on_the_stage() -> None:
    points = [several(tuning) for tuning in ("stage = []", "stage = [0]", "stage = [0, 2], tile = [32, 32]")]
    first, *others = (compile_function(p.module, "simt")(p.arrays(), {})[0] for p in points)
    for other in others:
        np.testing.assert_array_equal(other, first)
