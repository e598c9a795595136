"""Every dtype works in native code: kernels move unsupported dtypes as bytes, and the host computes with them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import pullback as pb
from pullback.tests.driver.host_cases import OTHERS, agree, dtype_of


@pytest.mark.parametrize("dtype", OTHERS)
def test_dtypes_that_kernels_do_not_compute_with(dtype: str) -> None:
    with pb.Graph():
        x = pb.placeholder(dtype, (2, 3), name="x")
        indices = np.array([1, 5, 0], np.int32)
        outputs = [
            x,
            pb.reshape(pb.transpose(x * x) + pb.constant([1, 2], dtype), (6,)),
            pb.ones((2,), dtype),
            pb.zeros((5000,), dtype),
            pb.sum(x, axis=(0, 1)),
            pb.concat([x, x], axis=0),
            *pb.split(x, [1, 2], axis=1),
            pb.broadcast_to(x, (2, 2, 3)),
            pb.gather(x, indices),
        ]
        if "complex" not in dtype:
            outputs += [pb.cast(x, "f32") * 2.0, x > 1]
        if "i" not in dtype:
            outputs += pb.gradients(pb.sum(x * x), x, grad_ys=pb.ones((), dtype))
        data = np.arange(6).reshape(2, 3).astype(dtype_of(dtype))
        step = agree([x], outputs, data)
    assert f"memref<2x3x{dtype.removeprefix('u')}>" in step.ir("loops")


@pytest.mark.parametrize("dtype", OTHERS)
def test_state_and_loops_of_other_dtypes(dtype: str) -> None:
    start = np.array([1, 2, 3]).astype(dtype_of(dtype))
    with pb.Graph():
        x = pb.placeholder(dtype, (3,), name="x")
        w = pb.Variable(start, name="w")
        before = w.read()
        update = w.assign(w.read() + x)
        _, y = pb.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y + x), [0, before])
        step = pb.compile([x], [before, update, w.read(), y], target="cpu")
    old, _, new, y = step(start)
    assert y.dtype == start.dtype
    for found, factor in ((old, 1), (new, 2), (y, 4), (w.numpy(), 2)):
        np.testing.assert_array_equal(found.astype(complex), start.astype(complex) * factor)


def test_rows_of_bfloat16() -> None:
    table = np.arange(12).reshape(4, 3).astype(ml_dtypes.bfloat16)
    with pb.Graph():
        t = pb.placeholder("i32", (3,), name="t")
        w = pb.Variable(table, name="w")
        (rows,) = pb.gradients(pb.sum(pb.gather(w, t) * 2), w)
        step = pb.compile([t], [rows, w.assign_sub(rows)], target="cpu")
    found, _ = step(np.array([1, 3, 1], np.int32))
    assert found.values.dtype == ml_dtypes.bfloat16
    expected = table.astype(np.float32)
    np.subtract.at(expected, [1, 3, 1], 2)
    np.testing.assert_array_equal(w.numpy().astype(np.float32), expected)
