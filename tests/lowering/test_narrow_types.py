"""Kernels of f16, bf16, i8 and i16: stored narrow; floats are computed in f32 and rounded once, integers wrap."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import pullback as pb
from pullback.tests.targets import COMPILED

HALF = {"f16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16)}
NARROW = HALF | {"i8": np.dtype(np.int8), "i16": np.dtype(np.int16)}
EPSILON = {"f16": 2.0**-10, "bf16": 2.0**-7}
ON_CPU_AND_ONE_GPU = [t for t in COMPILED if t in ("cpu", "simt")]


def drawn(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Any:
    numbers = np.random.default_rng(seed).uniform(-4, 4, shape)
    return (numbers if dtype in HALF else numbers * 30).astype(NARROW[dtype])


def on_targets(build: Any, target: str, *arrays: Any) -> tuple[list[Any], list[Any], str]:
    """What the target and the evaluator give, and the text of the kernels."""
    names = {dtype: name for name, dtype in NARROW.items()} | {np.dtype(t): t for t in ("int32", "float32")}
    with pb.Graph():
        inputs = [pb.placeholder(names[a.dtype].replace("int", "i"), a.shape) for a in arrays]
        outputs = build(*inputs)
        step = pb.compile(inputs, outputs, target=target)
        evaluated = pb.compile(inputs, outputs, target="numpy")
    return step(*arrays), evaluated(*arrays), step.ir("kernels")


def close(found: Any, expected: Any, dtype: str, roundings: int = 2) -> None:
    """Up to so many roundings, which the evaluator does after each operation."""
    scale = np.max(np.abs(expected.astype(np.float64)), initial=0)
    tolerance = roundings * EPSILON[dtype]
    np.testing.assert_allclose(
        found.astype(np.float64), expected.astype(np.float64), rtol=tolerance, atol=tolerance * scale
    )


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5, 17), (3, 1009)], ids=str)
@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("target", ON_CPU_AND_ONE_GPU)
def test_pointwise_and_reductions(target: str, dtype: str, shape: tuple[int, int]) -> None:
    x, y = drawn(dtype, shape), drawn(dtype, shape[1:], 1)
    found, expected, text = on_targets(
        lambda x, y: [x * y + x, pb.sum(x * y, 1), pb.sum(x, 0), pb.sum(x), pb.maximum(x, y)], target, x, y
    )
    assert "{host}" not in text
    for one, right in zip(found, expected, strict=True):
        assert one.dtype == right.dtype == NARROW[dtype]
        if dtype in HALF:
            close(one, right, dtype)
        else:
            np.testing.assert_array_equal(one, right)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("target", COMPILED)
def test_networks(target: str, dtype: str) -> None:
    """Softmax, products both ways and their gradients, of which each factor is widened."""

    def build(x: Any, w: Any) -> list[Any]:
        y = pb.softmax(pb.tanh(x) @ w)
        return [y, *pb.gradients(pb.sum(y * y), [x, w])]

    found, expected, text = on_targets(build, target, drawn(dtype, (7, 33)), drawn(dtype, (33, 18), 1))
    assert "{host}" not in text
    for one, right in zip(found, expected, strict=True):
        close(one, right, dtype, roundings=12)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("target", ON_CPU_AND_ONE_GPU)
def test_what_is_added_up_is_rounded_once(target: str, dtype: str) -> None:
    """Sums down columns and rows of one index: rounded after each of 1500 terms they would stop growing."""
    x, indices = np.full((1500, 3), 0.375, NARROW[dtype]), np.zeros(1500, np.int32)

    def build(x: Any, indices: Any) -> list[Any]:
        (rows,) = pb.gradients(pb.sum(pb.gather(x[:4], indices) * x), [x])
        return [pb.sum(x, 0), rows]

    found, expected, _ = on_targets(build, target, x, indices)
    for one, right in zip(found, expected, strict=True):
        close(one, right, dtype, roundings=1)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("target", ON_CPU_AND_ONE_GPU)
def test_every_number_of_half_precision(target: str, dtype: str) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(NARROW[dtype])
    (wide, back), (right, _), _ = on_targets(
        lambda x: [pb.cast(x, "f32"), pb.cast(pb.cast(x, "f64") * 1.0, dtype)], target, every
    )
    np.testing.assert_array_equal(wide, right)
    number = ~np.isnan(right)
    np.testing.assert_array_equal(back.view(np.uint16)[number], every.view(np.uint16)[number])
    assert np.isnan(back.astype(np.float32)[~number]).all()


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("source", ["f32", "f64"])
def test_rounding(source: str, dtype: str, target: str) -> None:
    """Ties, what lies beside them in f64 alone, the smallest and the largest numbers, and what is beyond."""
    step = EPSILON[dtype] / 2
    ties = 1 + step * np.array([1, 3, 5, 1 + 2.0**-30, 1 - 2.0**-30, 3 + 2.0**-40])
    limits = ml_dtypes.finfo(NARROW[dtype])
    small = float(limits.smallest_subnormal) * np.array([0.5, 0.5000001, 0.75, 1, 1.5, 2.5, 1000.5])
    large = float(limits.max) * np.array([1, 1 + step / 4, 1 + step, 2])
    values = np.concatenate([ties, small, large, [0, np.inf, np.nan, 1e-45, 3e38]])
    with np.errstate(over="ignore"):
        values = np.concatenate([values, -values]).astype({"f32": np.float32, "f64": np.float64}[source])
        expected = values.astype(NARROW[dtype])
    with pb.Graph():
        x = pb.placeholder(source, values.shape)
        (found,) = pb.compile([x], [pb.cast(x, dtype)], target=target)(values)
    number = ~np.isnan(values)
    np.testing.assert_array_equal(found.view(np.uint16)[number], expected.view(np.uint16)[number])
    assert np.isnan(found.astype(np.float32)[~number]).all()


@pytest.mark.parametrize("dtype", HALF)
def test_variables_are_updated_in_place(dtype: str) -> None:
    with pb.Graph():
        v = pb.Variable(np.ones((4, 5), NARROW[dtype]))
        x = pb.placeholder(dtype, (4, 5))
        step = pb.compile([x], [v.assign_add(x * 0.5), pb.sum(v * v)], target="cpu")
    step(np.full((4, 5), 2, NARROW[dtype]))
    np.testing.assert_array_equal(v.numpy().astype(np.float32), np.full((4, 5), 2, np.float32))


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("dtype", HALF)
def test_values_do_not_depend_on_what_is_fused(dtype: str, target: str) -> None:
    """Each operation rounds, as in the evaluator: to the bit, where one step in f32 is an operation."""
    rng = np.random.default_rng(7)
    values = [rng.standard_normal((17, 33)).astype(NARROW[dtype]) for _ in range(2)]
    with pb.Graph():
        x, y = (pb.placeholder(dtype, (17, 33)) for _ in values)
        chain = (x * y + x) / (y * y + 1.1) - pb.sqrt(pb.abs(x)) * 0.3
        largest = pb.max(chain, 1, keepdims=True)
        outputs = [chain, chain - largest, pb.where(x > y, -chain, pb.relu(chain)) + x]
        found, expected = (pb.compile([x, y], outputs, target=t)(*values) for t in (target, "numpy"))
    for got, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got.view(np.uint16), right.view(np.uint16))


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("as_f32", [False, True])
def test_the_largest_element_is_one_of_the_elements(
    as_f32: bool, axis: int | None, dtype: str, target: str
) -> None:
    """The gradient of `max` asks which elements equal it: a value with more digits than in memory equals none."""
    values = np.random.default_rng(0).standard_normal((4, 33)).astype(NARROW[dtype])
    with pb.Graph():
        x = pb.placeholder(dtype, (4, 33))
        y = pb.cast(pb.tanh(x), "f32") if as_f32 else pb.tanh(x)
        largest = pb.max(y, axis, keepdims=True)
        is_largest = pb.cast(pb.equal(y, largest), "i32")
        outputs = [pb.gradients(largest, [x])[0], pb.max(is_largest, axis)]
        gradient, found = pb.compile([x], outputs, target=target)(values)
    assert np.all(found == 1)
    assert np.all(np.any(np.asarray(gradient, np.float32) != 0, axis))


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("dtype", HALF)
def test_numbers_are_those_that_memory_holds(dtype: str, target: str) -> None:
    values = np.full(5, 0.1, NARROW[dtype])
    with pb.Graph():
        x = pb.placeholder(dtype, (5,))
        (found,) = pb.compile([x], [pb.equal(x, 0.1)], target=target)(values)
    assert np.all(found)


def test_the_text_widens_and_rounds() -> None:
    """Each of two operations rounds; a load that is compared, negated or chosen is not rounded again."""
    with pb.Graph():
        x = pb.placeholder("f16", (64,))
        text = pb.compile([x], [pb.tanh(x) + x]).ir("loops", [(64,)])
        exact = pb.compile([x], [-pb.relu(x)]).ir("loops", [(64,)])
    for line in ("memref<64xf16>", "arith.extf", "math.tanh", "arith.addf", "arith.truncf"):
        assert line in text
    assert text.count("arith.truncf") == 2 and text.count("arith.extf") == text.count("vector.load") + 1
    assert exact.count("arith.truncf") == 1 and exact.count("arith.extf") == exact.count("vector.load")
