"""What is computed of copies is computed of the elements, once, unless the copies are needed, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.repeating import Copies, SumOfCopies
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype

Made = Callable[[pb.Tensor, pb.Tensor, Any], Any]
ROWS, COLUMNS = 4, 6
GRADIENTS = "inline-calls,generate-gradients,aggregate-gradients,gate-gradients"


def gradients(y: pb.Tensor, x: pb.Tensor) -> Any:
    return [y, *pb.gradients(y, [x])]


def twice(x: pb.Tensor, copied: Any) -> pb.Tensor:
    return copied(copied(x, 2, 0), 3, 1)


CASES: dict[str, tuple[Made, int]] = {
    "sum of squares": (lambda x, w, c: gradients(pb.sum(pb.square(c(x, 3, 1))), x), 0),
    "sums over both axes": (lambda x, w, c: gradients(pb.sum(pb.square(twice(x, c))), x), 0),
    "sums of the copied axis": (lambda x, w, c: [pb.sum(c(x, 3, 1) * 2, 1), pb.max(c(x, 3, 1), 1)], 0),
    "sums of the other one": (lambda x, w, c: [pb.sum(c(x, 3, 1), 0), pb.min(c(x, 3, 1), 0, True)], 2),
    "dims that are kept": (lambda x, w, c: [pb.sum(twice(x, c), 1, True)], 1),
    "a bias, the same for all": (lambda x, w, c: gradients(pb.sum(pb.square(c(x, 3, 0) + w[0])), x), 0),
    "numbers that differ": (lambda x, w, c: [pb.sum(pb.square(c(x, 3, 1) * w[:, :1] + w[1:2, :1]))], 0),
    "other values beside": (lambda x, w, c: [pb.sum(c(x, 2, 0) * pb.concat([w, w], 0))], 1),
    "the copies themselves, too": (lambda x, w, c: [y := c(x, 2, 0), pb.square(y), pb.sum(y)], 1),
    "copies of a comparison": (lambda x, w, c: [pb.where(c(x, 2, 0) > 0, c(x, 2, 0), c(w, 2, 0))], 1),
    "copies of other kinds": (lambda x, w, c: [pb.tile(x, (2, 1)) + pb.repeat(w, 2, axis=0)], 2),
    "fewer sums": (lambda x, w, c: pb.gradients(c(x, 3, 1), [x], [c(w, 6, 1)[:, ::2]]), 2),
}  # fmt: skip


def tiled(x: pb.Tensor, count: int, axis: int) -> pb.Tensor:
    return pb.tile(x, [count if a == axis else 1 for a in range(2)])


def repeated(x: pb.Tensor, count: int, axis: int) -> pb.Tensor:
    return pb.repeat(x, count, axis=axis)


def compared(shapes: list[tuple[int, ...]], made: Callable[..., Any], dtype: str) -> int:
    """The copies and sums of copies after `canonicalize`, which must keep the results."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-4, 5, shape).astype(numpy_dtype(element_type_from(dtype))) for shape in shapes]
    with pb.Graph():
        given = [pb.placeholder(dtype, shape) for shape in shapes]
        outputs = list(made(*given))
        steps = [
            pb.compile(given, outputs, "numpy", pipeline=f"{GRADIENTS},{p}dce") for p in ("", "canonicalize,")
        ]
        native = pb.compile(given, outputs, "cpu")
    expected, found, compiled = (step(*arrays) for step in (*steps, native))
    for a, b, c in zip(expected, found, compiled, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        np.testing.assert_array_equal(np.asarray(a), np.asarray(c))
    ops = pb.pipeline("canonicalize,cse,dce")(steps[1].module("graph")).op.walk()
    return sum(isinstance(op, Copies | SumOfCopies) for op in ops)


def dtypes_of(case: str) -> list[str]:
    """The dtypes of a case: integers have no gradients."""
    floats = ["f32", "f64", "bf16"]
    return floats if "gradients" in CASES[case][0].__code__.co_names else [*floats, "i32"]


@pytest.mark.parametrize(("case", "dtype"), [(case, dtype) for case in CASES for dtype in dtypes_of(case)])
@pytest.mark.parametrize("copied", [tiled, repeated])
def test_copies_are_made_last(case: str, copied: Any, dtype: str) -> None:
    made, left = CASES[case]
    assert compared([(ROWS, COLUMNS)] * 2, lambda x, w: made(x, w, copied), dtype) == left


@pytest.mark.parametrize(
    ("copied", "summed", "left"),
    [((2, 6), (4, 2), 2), ((4, 3), (2, 3), 1), ((2, 2), (2, 2), 0), ((1, 4), (4, 1), 2), ((2, 1), (3, 1), 2)],
)
@pytest.mark.parametrize("copied_by", [tiled, repeated])
def test_sums_of_more_and_of_fewer_copies(
    copied_by: Any, copied: tuple[int, int], summed: tuple[int, int], left: int
) -> None:
    """The gradient of one copying is asked for at another: sums of copies."""

    def both(t: pb.Tensor, counts: tuple[int, int]) -> pb.Tensor:
        return copied_by(copied_by(t, counts[0], 0), counts[1], 1)

    shape = (12, 12)
    source = tuple(n // c for n, c in zip(shape, copied, strict=True))
    target = tuple(n // s for n, s in zip(shape, summed, strict=True))
    made = lambda x, y: pb.gradients(both(y, summed), [y], [both(x, copied)])  # noqa: E731
    assert compared([source, target], made, "f32") == left
