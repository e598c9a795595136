"""Very short rows, which are turned around so that each is a lane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.reductions import Max, Min, Sum
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import Equal
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_from
from pullback.tests.loops.kernel_cases import check, kernel_function, lowered, sample, schedule

SHAPES = [(17, 5), (16, 3), (33, 4), (101, 8), (5, 7), (40, 16), (19, 11)]


def softmax(x: Tensor, w: Tensor, t: Tensor) -> list[Tensor]:
    """Three stages; exponentials that the last one finds; numbers of columns, of rows, and of all."""
    e = Exp.of(x - Max.over(x, 1, keepdims=True))
    total = Sum.over(e, 1, keepdims=True)
    return [e / total + w, Log.of(total), Sum.over(e * x, 1) + t, Sum.over(Log.of(total)), x * total]


def largest(x: Tensor, w: Tensor, t: Tensor) -> list[Tensor]:
    """The first places of the largest, in wide integers."""
    place = Where.of(Equal.of(x, Max.over(x, 1, keepdims=True)), w * 100.0, 1000.0)
    return [Cast.to(Min.over(place, 1), element_type_from("i64")), Min.over(place, 1) + t]


def with_totals(x: Tensor, w: Tensor, t: Tensor) -> list[Tensor]:
    """Sums and the largest of columns, in two stages, beside those of rows."""
    e = Exp.of(x - Max.over(x, 1, keepdims=True)) * w
    y = e / Sum.over(e * e, 1, keepdims=True)
    return [y, Sum.over(y, 0), Max.over(x, 0), Sum.over(x, 0) * 2.0, Sum.over(y * y, 1) + t, Sum.over(y)]


BODIES = {"softmax": softmax, "largest": largest, "with totals": with_totals}


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pullback.passes.loops.rows_as_lanes.FEWEST", 1)


@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("body", BODIES)
def test_values(body: str, shape: tuple[int, int], dtype: str, bits: int) -> None:
    arrays = [sample(shape, dtype), sample(shape[1:], dtype), sample(shape[:1], dtype)]
    check(schedule("rows", shape[:1], shape[1:]), arrays, BODIES[body], bits=bits, native=shape[0] % 2 == 1)


@pytest.mark.parametrize("split", [2, 5])
@pytest.mark.parametrize("body", ["softmax", "with totals"])
def test_parts_of_the_rows(body: str, split: int) -> None:
    arrays = [sample((101, 8)), sample((8,)), sample((101,))]
    check(schedule("rows", (101,), (8,), split=split), arrays, BODIES[body])


def test_rows_are_read_before_they_are_overwritten() -> None:
    arrays = [sample((37, 6)), sample((6,)), sample((37,))]
    check(schedule("rows", (37,), (6,)), arrays, softmax, in_place={0: 0})
    check(schedule("rows", (37,), (6,)), arrays, softmax, in_place={4: 0, 2: 2})


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((40, 6), "f32", True),
        ((40, 16), "f32", True),
        ((40, 17), "f32", False),
        ((40, 2), "f32", False),
        ((40, 9), "f64", False),
        ((40, 6), "f16", False),
    ],
)
def test_which_rows_are_lanes(shape: tuple[int, int], dtype: str, expected: bool) -> None:
    arrays = [sample(shape).astype(f"f{int(dtype[1:]) // 8}") for shape in (shape, shape[1:], shape[:1])]
    _, kernel = kernel_function(schedule("rows", shape[:1], shape[1:]), arrays, softmax)
    made, _ = lowered(kernel, 512, {})
    assert any("transpose" in symbol for symbol in made.shared) == expected


def test_sums_alone_are_not_turned_around() -> None:
    _, kernel = kernel_function(schedule("rows", (40,), (6,)), [sample((40, 6))], lambda x: [Sum.over(x, 1)])
    assert not lowered(kernel, 512, {})[0].shared


def test_results_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((20_003, 10)).astype(np.float32), rng.integers(0, 10, 20_003)
    with pb.Graph():
        given: list[Any] = [pb.placeholder("f32", x.shape), pb.placeholder("i64", labels.shape)]
        losses = pb.sparse_softmax_cross_entropy_with_logits(labels=given[1], logits=given[0])
        (gradient,) = pb.gradients(pb.mean(losses), given[:1])
        outputs = [pb.mean(losses), gradient, pb.sum(gradient, 0), pb.argmax(given[0], 1)]
        steps = {target: pb.compile(given, outputs, target) for target in ("numpy", "cpu")}
    before = pb.get_num_threads()
    found: list[list[Any]] = []
    try:
        for threads in (1, 2, 5):
            pb.set_num_threads(threads)
            found.append([np.array(a) for a in steps["cpu"](x, labels)])
    finally:
        pb.set_num_threads(before)
    for ours in zip(*found, strict=True):
        assert len({a.tobytes() for a in ours}) == 1
    for ours, theirs in zip(found[0], steps["numpy"](x, labels), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)
