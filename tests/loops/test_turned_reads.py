"""Pointwise kernels that read across their lanes: transposes, alone and in expressions, turned around in squares."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.tests.loops.kernel_cases import check, sample, schedule

Body = Callable[..., Any]


def turned(body: Body, *shapes: tuple[int, ...], dtype: str = "f32") -> int:
    """The calls that turn squares around at level loops of a step, whose results are as `numpy` computes them."""
    rng = np.random.default_rng(5)
    numpy_dtype = np.dtype({"f32": "f4", "f64": "f8", "i32": "i4", "f16": "f2"}[dtype])
    arrays = [(9 * rng.standard_normal(s)).astype(numpy_dtype) for s in shapes]
    with pb.Graph():
        given = [pb.placeholder(dtype, s) for s in shapes]
        outputs = body(*given)
        steps = [pb.compile(given, outputs, target=target) for target in ("numpy", "cpu")]
    expected, found = (step(*arrays) for step in steps)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6)
    return len(re.findall(r"func\.call @\w*transpose_\d+x", steps[1].ir("loops")))


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32"])
def test_the_transpose_of_a_matrix(dtype: str) -> None:
    assert turned(lambda x: [pb.transpose(x)], (160, 256), dtype=dtype) == 1


def test_expressions_of_both() -> None:
    """What changes along the lanes, along the other dim, or along both, and a second operand that is read across."""

    def body(x: Any, y: Any, row: Any, column: Any) -> list[Any]:
        return [pb.transpose(x) * row + pb.transpose(y) * y, pb.exp(column * 0.01) - pb.transpose(x)]

    assert turned(body, (192, 192), (192, 192), (192,), (192, 1)) >= 2


def test_heads_and_pieces() -> None:
    """Transposes of a batch, whose dims merge or do not, side by side."""

    def body(x: Any, y: Any) -> list[Any]:
        pieces = [pb.transpose(x, [0, 3, 1, 2]), pb.transpose(y, [0, 2, 1, 3])]
        return [pb.concat(pieces, 2)]

    assert turned(body, (2, 4, 32, 256), (2, 4, 256, 32)) == 1


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((16, 16), "f32"), ((2, 20000), "f32"), ((8000, 2), "f64"), ((256, 256), "f16")],
)
def test_others_are_gathered(shape: tuple[int, int], dtype: str) -> None:
    """Few elements, sides that are a small part of a vector, and narrow floats."""
    assert turned(lambda x: [pb.transpose(x)], shape, dtype=dtype) == 0


@pytest.mark.parametrize(
    ("shape", "calls"),
    [((250, 251), 2), ((256, 250), 1), ((250, 256), 2), ((257, 260), 1), ((10, 5000), 1), ((5000, 11), 2)],
)
@pytest.mark.parametrize("dtype", ["f32", "i32"])
def test_squares_at_the_edges_have_fewer_lines(shape: tuple[int, int], calls: int, dtype: str) -> None:
    """Their remaining lanes and vectors are left out, and of few lines elements are gathered."""

    def body(x: Any, y: Any) -> list[Any]:
        return [pb.transpose(x) * y, pb.transpose(x) // pb.maximum(pb.abs(y), 1)]

    assert turned(body, shape, shape[::-1], dtype=dtype) >= calls
    assert turned(lambda x: [pb.transpose(x)], shape, dtype=dtype) == calls


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (3, 0, 1, 2), (0, 3, 1, 2), (0, 2, 3, 1), (2, 0, 3, 1)])
def test_all_orders_of_four_axes(order: tuple[int, ...]) -> None:
    turned(lambda x: [pb.transpose(x, order) + 1.0], (9, 21, 18, 13))
    turned(lambda x: [pb.transpose(x, order) + 1.0], (9, 21, 18, 13), dtype="f64")


@pytest.mark.parametrize("shape", [(5, 9), (16, 17), (12, 8), (9, 4), (7, 23)])
@pytest.mark.parametrize("bits", [128, 256, 512])
def test_edges_read_no_memory_that_was_not_written(
    shape: tuple[int, int], bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pullback.passes.loops.turned_reads.FEWEST_TURNED", 1)
    arrays = [sample(shape), sample(shape[::-1])]
    check(schedule("pointwise", shape[::-1]), arrays, lambda x, y: [Transpose.matrices(x) * y], bits=bits)


def test_a_result_in_the_place_of_an_operand() -> None:
    """Every element is read before it is overwritten, at the edges, too."""
    x = np.random.default_rng(0).standard_normal((250, 250)).astype(np.float32)
    with pb.Graph():
        v = pb.Variable(x)
        step = pb.compile([], [v.assign(v.read() + pb.transpose(pb.exp(v.read())))], "cpu")
    step()
    np.testing.assert_allclose(v.numpy(), x + np.exp(x).T, rtol=1e-5, atol=1e-6)


def test_results_do_not_depend_on_threads() -> None:
    x = np.random.default_rng(0).standard_normal((512, 256)).astype(np.float32)
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        step = pb.compile([given], [pb.tanh(pb.transpose(given))])
    before = pb.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 5):
            pb.set_num_threads(threads)
            found.append(step(x)[0].tobytes())
    finally:
        pb.set_num_threads(before)
    assert len({*found}) == 1
