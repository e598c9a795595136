"""Native kernels of every family and dtype against the oracle: sizes, strides, equal bits on 1, 2 and 5 threads."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.driver.host_cases import dtype_of

FLOATS = {"f64": 1e-12, "f32": 1e-4, "f16": 5e-2, "bf16": 0.3}
"""Dtypes and how far off results may be, relative to the largest of a result."""
INTEGERS = "i64", "i32", "i16", "i8"
COLUMNS = 13
SIZES = 0, 1, 17, 1009, 30011
"""Numbers of rows; of the last the rows are enough for several threads."""

Tensors = dict[str, pb.Tensor]
Families = dict[str, Callable[[pb.Tensor, pb.Tensor, pb.Tensor], Any]]

ANY: Families = {
    "pointwise": lambda x, y, i: x * y - pb.maximum(x, -y),
    "choice": lambda x, y, i: pb.where(x > y, x, pb.abs(y)),
    "comparison": lambda x, y, i: (x >= y) & (x < 1),
    "conversion": lambda x, y, i: pb.cast(pb.cast(x, "f32") * 0.5, "i32"),
    "row-sums": lambda x, y, i: pb.sum(x, axis=1),
    "row-argmax": lambda x, y, i: pb.argmax(x, axis=1),
    "column-sums": lambda x, y, i: pb.sum(x, axis=0),
    "total": lambda x, y, i: pb.sum(x * y),
    "any": lambda x, y, i: pb.any(x > y, axis=1),
    "scan-of-rows": lambda x, y, i: pb.cumsum(x, axis=1, reverse=True),
    "scan-of-columns": lambda x, y, i: pb.cumsum(x, axis=0, exclusive=True),
    "products-so-far": lambda x, y, i: pb.cumprod(pb.clip(x, -1, 1), axis=1),
    "transpose": lambda x, y, i: pb.transpose(x) + 1,
    "slice": lambda x, y, i: pb.concat([x[::-1], y[:, ::-1], x], axis=0),
    "pad": lambda x, y, i: pb.pad(x, [[1, 2], [0, 3]], constant_values=2),
    "tile": lambda x, y, i: pb.tile(x, (1, 2)) + pb.roll(pb.tile(y, (1, 2)), 3, axis=1),
    "gather": lambda x, y, i: pb.gather(x, i),
    "scatter": lambda x, y, i: pb.unsorted_segment_sum(x, i, 11),
    "one-hot": lambda x, y, i: pb.one_hot(i, 5),
}
INEXACT: Families = {
    "functions": lambda x, y, i: pb.tanh(x) * pb.exp(-y * y) + pb.sin(x) * pb.cos(x),
    "softmax": lambda x, y, i: pb.softmax(x * 0.5),
    "log-sum-exp": lambda x, y, i: pb.logsumexp(x, axis=1),
    "deviation": lambda x, y, i: pb.layer_norm(x, axis=-1),
    "product": lambda x, y, i: pb.matmul(x, pb.ones((COLUMNS, 24), x.dtype) * 0.25),
    "product-of-transposed": lambda x, y, i: pb.matmul(x, y * 0.01, transpose_a=True),
    "window-product": lambda x, y, i: pb.conv2d(
        pb.reshape(x, (1, -1, COLUMNS, 1)), pb.ones((3, 3, 1, 4), x.dtype), padding="SAME"
    ),
    "window-maximum": lambda x, y, i: pb.max_pool2d(pb.reshape(x, (1, -1, COLUMNS, 1)), 3, 2, padding="SAME"),
}


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    yield
    pb.set_num_threads(None)


def families(dtype: str) -> Families:
    return {**ANY, **INEXACT} if dtype in FLOATS else ANY


def arrays(rng: np.random.Generator, rows: int, dtype: str) -> list[np.ndarray]:
    """Two matrices and row numbers, of which none lies in order: turned round, every second column, backwards."""
    drawn = (
        rng.integers(-3, 4, (2, COLUMNS, 2 * rows))
        if dtype in INTEGERS
        else rng.normal(size=(2, COLUMNS, 2 * rows))
    )
    x, y = drawn.astype(dtype_of(dtype))
    return [x[:, ::2].T, y[::-1, rows:].T, rng.integers(-1, 11, rows, dtype=np.int32)[::-1]]


def compiled(rows: int, dtype: str, target: str) -> pb.Step:
    with pb.Graph():
        x = pb.placeholder(dtype, (rows, COLUMNS), name="x")
        y = pb.placeholder(dtype, (rows, COLUMNS), name="y")
        indices = pb.placeholder("i32", (rows,), name="indices")
        outputs = {name: body(x, y, indices) for name, body in families(dtype).items()}
        if dtype in FLOATS:
            total = sum((pb.sum(outputs[name]) for name in INEXACT), pb.sum(outputs["scatter"]))
            outputs["gradients"], outputs["more gradients"] = pb.gradients(total, [x, y])
        return pb.compile([x, y, indices], outputs, target=target)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
@pytest.mark.matrix(6)
def test_every_family(dtype: str, rows: int, rng: np.random.Generator) -> None:
    inputs = arrays(rng, rows, dtype)
    with np.errstate(all="ignore"):
        expected = compiled(rows, dtype, "numpy")(*inputs)
    step, bits = compiled(rows, dtype, "cpu"), list[dict[str, bytes]]()
    kernels = step.ir("kernels")
    assert ", host" not in kernels and "{host" not in kernels
    for count in (1, 2, 5):
        pb.set_num_threads(count)
        found = step(*inputs)
        bits.append({name: np.asarray(value).tobytes() for name, value in found.items()})
        for name in bits[0]:
            assert bits[-1][name] == bits[0][name], f"{name} depends on the number of threads: {count}"
    for name, value in expected.items():
        agree(name, np.asarray(found[name]), np.asarray(value), FLOATS.get(dtype, 0.0))


def agree(name: str, found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
    if found.dtype.kind in "ib":
        np.testing.assert_array_equal(found, expected, err_msg=name)
    else:
        largest = float(np.max(np.abs(expected.astype(float)), initial=1))
        np.testing.assert_allclose(
            found.astype(float),
            expected.astype(float),
            rtol=tolerance,
            atol=tolerance * largest,
            err_msg=name,
        )
