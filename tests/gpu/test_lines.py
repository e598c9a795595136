"""Reductions along rows and columns of all lengths and dtypes: the emulator and the CUDA text give NumPy's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb

Array = npt.NDArray[Any]
LENGTHS = (0, 1, 17, 31, 32, 33, 255, 256, 257, 1000)
SHAPES = [*((19, length) for length in LENGTHS), *((count, 33) for count in LENGTHS), (1, 1), (2, 3)]


on_both = pytest.mark.parametrize(
    "target", ["simt", pytest.param("fibers", marks=[pytest.mark.slow, pytest.mark.compiler])]
)


def check(
    target: str, inputs: Sequence[Any], outputs: Sequence[Any], arrays: Sequence[Array], rtol: float = 2e-4
) -> None:
    """Compares a target with the evaluator."""
    found = pb.compile(list(inputs), list(outputs), target=target)(*arrays)
    expected = pb.compile(list(inputs), list(outputs), target="numpy")(*arrays)
    for number, (got, value) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(got, value, rtol=rtol, atol=2e-5, err_msg=f"output {number}")


def random(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


@on_both
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_reductions_of_f32(shape: tuple[int, int], axis: int, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", shape)
        reductions = [pb.sum, pb.prod, pb.max, pb.min, pb.logsumexp]
        outputs = [reduce(x, axis=axis) for reduce in reductions]
        outputs += [*pb.moments(x, (axis,)), pb.sum(x), pb.sum(x, axis=1 - axis)]
        y = pb.softmax(x, axis=axis)
        outputs += [y, *pb.gradients(pb.sum(y * y), [x])]
        if shape[axis]:
            outputs.append(pb.argmax(x, axis=axis))
        check(target, [x], outputs, [random(*shape)])


@on_both
@pytest.mark.parametrize("shape", [(19, 17), (300, 33), (7, 257), (3, 1000), (1, 40), (40, 1)])
def test_layer_norm_and_cross_entropy(shape: tuple[int, int], target: str) -> None:
    rows, columns = shape
    with pb.Graph():
        x, scale, shift = (pb.placeholder("f32", s) for s in (shape, (columns,), (columns,)))
        g, label = pb.placeholder("f32", shape), pb.placeholder("i32", (rows,))
        y = pb.layer_norm(x, scale, shift)
        outputs = [y, *pb.gradients(y, [x, scale, shift], grad_ys=[g])]
        loss = pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=label, logits=x))
        outputs += [loss, *pb.gradients(loss, [x])]
        labels = np.arange(rows, dtype=np.int32) % columns
        arrays = [random(*shape), random(columns), random(columns), random(*shape), labels]
        check(target, [x, scale, shift, g, label], outputs, arrays)


@on_both
def test_batch_norm(target: str) -> None:
    with pb.Graph():
        x, scale, shift = (pb.placeholder("f32", s) for s in ((4, 5, 5, 17), (17,), (17,)))
        mean, variance = pb.moments(x, (0, 1, 2))
        y = pb.relu(pb.batch_normalization(x, mean, variance, shift, scale, 1e-3))
        outputs = [y, *pb.gradients(pb.sum(y * y), [x, scale, shift])]
        check(target, [x, scale, shift], outputs, [random(4, 5, 5, 17), random(17), random(17)])


@on_both
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", ["f64", "i32", "i64", "i1"])
def test_other_dtypes(dtype: str, axis: int, target: str) -> None:
    for shape in ((33, 257), (257, 5)):
        with pb.Graph():
            x = pb.placeholder(dtype, shape)
            if dtype == "i1":
                outputs = [reduce(x, axis=axis) for reduce in (pb.any, pb.all)]
                array = np.random.default_rng(0).random(shape) > 0.05
            else:
                outputs = [reduce(x, axis=axis) for reduce in (pb.sum, pb.prod, pb.max, pb.min)]
                array = (
                    np.random.default_rng(0)
                    .integers(1, 9, shape)
                    .astype(dtype.replace("f", "float").replace("i", "int"))
                )
            outputs += [pb.max(x, axis=1 - axis) if dtype != "i1" else pb.any(x)]
            check(target, [x], outputs, [array], rtol=1e-12)


@on_both
@pytest.mark.parametrize("axis", [0, 1])
def test_not_a_number_and_infinity(axis: int, target: str) -> None:
    x = random(40, 70)
    x[3, 5] = np.nan
    x[7] = np.inf
    x[:, 9] = -np.inf
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        outputs = [reduce(given, axis=axis) for reduce in (pb.sum, pb.prod, pb.max, pb.min)]
        outputs += [pb.softmax(given, axis=axis), pb.sum(given), pb.max(given)]
        with np.errstate(all="ignore"):
            check(target, [given], outputs, [x])


LARGE = {
    "softmax": ((1025, 256), lambda x: [pb.softmax(x), pb.max(x)]),
    "narrow softmax": ((40001, 8), lambda x: [pb.softmax(x)]),
    "few long rows": ((3, 100_000), lambda x: [pb.softmax(x), pb.sum(x, axis=0)]),
    "columns": ((4097, 68), lambda x: [pb.sum(x, axis=0), pb.softmax(x, axis=0)]),
    "few columns": ((40970, 8), lambda x: [pb.sum(x, axis=0), pb.sum(x)]),
    "layer norm's gradient": (
        (1025, 260),
        lambda x: pb.gradients(pb.sum(pb.layer_norm(x, x[0], x[1]) ** 3), [x]),
    ),
}
"""Programs of so many elements that schedules by default have vectors, chunks and parts."""


@on_both
@pytest.mark.parametrize("name", LARGE)
def test_what_is_large(name: str, target: str) -> None:
    shape, compute = LARGE[name]
    with pb.Graph():
        x = pb.placeholder("f32", shape)
        check(target, [x], compute(x), [random(*shape)], rtol=1e-3)


def test_long_sums_keep_totals_of_higher_precision() -> None:
    """Of a million equal numbers, added one after the other in f32, the sum is wrong in the third digit."""
    x = np.full((1 << 20,), 0.1, np.float32)
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        (total,) = pb.compile([given], [pb.sum(given)], target="simt")(x)
    np.testing.assert_allclose(total, x.sum(dtype=np.float64), rtol=2e-7)


@pytest.mark.parametrize("name", ["per column", "per row", "value used, too", "scalar"])
def test_a_result_takes_the_place_of_a_variable(name: str) -> None:
    """What one thread writes over, no other one reads: the emulator finds races."""
    shape = {"per column": (10,), "per row": (10,), "value used, too": (10, 1), "scalar": ()}[name]
    x = random(10, 300) if name != "per column" else random(64, 10)
    results: list[Array] = []
    for target in ("numpy", "simt"):
        with pb.Graph():
            g, b = pb.placeholder("f32", x.shape), pb.Variable(np.ones(shape, np.float32))
            axis = {"per column": 0, "scalar": None}.get(name, 1)
            used = [g * b.read()] if name == "value used, too" else []
            update = b.assign_sub(0.1 * pb.sum(g, axis=axis, keepdims=name == "value used, too"))
            step = pb.compile([g], [*used, update, b], target=target)
            results.append(np.asarray(step(x)[-1]))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)
