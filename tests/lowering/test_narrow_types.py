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


def test_the_text_widens_and_rounds() -> None:
    with pb.Graph():
        x = pb.placeholder("f16", (64,))
        text = pb.compile([x], [pb.tanh(x) + x]).ir("loops", [(64,)])
    for line in ("memref<64xf16>", "arith.extf", "math.tanh", "arith.addf", "arith.truncf"):
        assert line in text
    assert text.count("arith.extf") == text.count("vector.load")
