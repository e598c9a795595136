"""Pointwise kernels that read across their lanes: transposes, alone and in expressions, turned around in squares."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

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
    [((16, 16), "f32"), ((250, 250), "f32"), ((256, 250), "f32"), ((250, 256), "f32"), ((256, 256), "f16")],
)
def test_others_are_gathered(shape: tuple[int, int], dtype: str) -> None:
    """Few elements, sides that are no multiple of the lanes, and narrow floats."""
    assert turned(lambda x: [pb.transpose(x)], shape, dtype=dtype) == 0


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
