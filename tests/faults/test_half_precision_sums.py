"""Sums of f16 and bf16 were rounded after every term: 512 ones in bf16 added up to 256.

Every operation that adds is held against the same in f64, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.families import Elementwise, OfDtypes
from pullback.dialects.graph.tensor.tensor import OPS, Tensor
from pullback.dialects.graph.tensor.types import element_type_from

N = 4096
"""Terms: far more than bf16 (256) and f16 (2048) can count."""
DTYPES = {"f16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16)}
ROUNDING = {"f16": 2.0**-11, "bf16": 2.0**-8}

Body = Callable[..., Any]


def op(name: str, **properties: Any) -> Body:
    """The operation of this name."""
    return lambda *xs: OPS[f"graph.{name}"].of(*xs, **properties)


def slices(values: Tensor) -> pb.IndexedSlices:
    """Rows that all belong to the first row of a tensor of two."""
    return pb.IndexedSlices(values, pb.constant(np.zeros(N, np.int32)), (2, *values.shape[1:]))


def first_rows(count: int) -> Any:
    return np.zeros((count, 1), np.int32)


def contracted(a: Tensor, b: Tensor) -> Tensor:
    """A product of matrices as the contraction that convolutions are."""
    row, column, term = (Affine(tuple(int(d == at) for d in range(3))) for at in range(3))
    return Contract.at((a, b), ((row, term), (term, column)), (4, 4), (N,))


ROW, COLUMN, IMAGES = (4, N), (N, 4), (2, 16, 64, 2)
LABELS = np.arange(4, dtype=np.int32)

ADDING: dict[str, list[tuple[Body, Sequence[tuple[int, ...]]]]] = {
    "sum": [(lambda x: pb.sum(x, 0), [COLUMN]), (lambda x: pb.sum(x, 1), [ROW])],
    "mean": [(lambda x: pb.mean(x, 0), [COLUMN]), (pb.mean, [ROW])],
    "sum_to": [(lambda x, b: pb.sum((x + b) * x), [COLUMN, (4,)]), (lambda x, b: x * b, [COLUMN, (1, 4)])],
    "broadcast_to": [(lambda b: pb.broadcast_to(b, (N, 4)), [(4,)])],
    "cumsum": [(lambda x: pb.cumsum(x, 1), [ROW]), (lambda x: pb.cumsum(x, 0, reverse=True), [COLUMN])],
    "linear_recurrence": [(lambda x: OPS["graph.linear_recurrence"].scan(pb.ones_like(x), x, axis=1), [ROW])],
    "cumulative_logsumexp": [(lambda x: pb.cumulative_logsumexp(x, 1), [ROW])],
    "max": [(lambda x: pb.max(x * 0, 1), [ROW])],
    "min": [(lambda x: pb.min(x * 0, 1), [ROW])],
    "euclidean_norm": [(lambda x: pb.norm(x * 16, axis=1), [ROW])],
    "softmax": [(lambda x: pb.softmax(x), [ROW]), (lambda x: pb.softmax(x, 0), [COLUMN])],
    "log_softmax": [(lambda x: pb.log_softmax(x), [ROW])],
    "logsumexp": [(lambda x: pb.logsumexp(x, 1), [ROW])],
    "softmax_cross_entropy": [
        (lambda x, t: pb.softmax_cross_entropy_with_logits(t / N, x), [ROW, ROW]),
    ],
    "sparse_softmax_cross_entropy": [
        (lambda x: pb.sparse_softmax_cross_entropy_with_logits(LABELS, x), [ROW])
    ],
    "l2_loss": [(pb.l2_loss, [(N,)])],
    "bias_add": [(pb.bias_add, [COLUMN, (4,)])],
    "layer_norm": [(lambda x, s, t: pb.layer_norm(x, s, t), [COLUMN, (4,), (4,)]), (pb.layer_norm, [ROW])],
    "batch_norm": [(lambda x, s, t: pb.batch_norm(x, s, t)[0], [COLUMN, (4,), (4,)])],
    "rms_norm": [(lambda x, s: pb.rms_norm(x, s), [COLUMN, (4,)]), (pb.rms_norm, [ROW])],
    "matmul": [(lambda a, b: a @ b, [ROW, COLUMN])],
    "einsum": [
        (lambda a, b: pb.einsum("ij,jk->ik", a, b), [ROW, COLUMN]),
        (lambda a: pb.einsum("ij->i", a), [ROW]),
    ],
    "contract": [(contracted, [ROW, COLUMN])],
    "conv2d": [(lambda x, f: pb.conv2d(x, f, 1, "SAME"), [IMAGES, (3, 3, 2, 2)])],
    "conv2d_input_gradient": [(lambda x, f: pb.conv2d(x, f, 1, "SAME"), [(1, 8, 8, 2), (3, 3, 2, 64)])],
    "conv2d_filter_gradient": [(lambda x, f: pb.conv2d(x, f, 1, "SAME"), [IMAGES, (1, 1, 2, 2)])],
    "depthwise_conv2d": [(lambda x, f: pb.depthwise_conv2d(x, f, 1, "SAME"), [IMAGES, (5, 5, 2, 1)])],
    "avg_pool2d": [(lambda x: pb.avg_pool2d(x, (16, 64), 1), [IMAGES])],
    "avg_pool2d_gradient": [(lambda x: pb.avg_pool2d(x, (8, 32), 1), [IMAGES])],
    "max_pool2d_gradient": [(lambda x: pb.max_pool2d(x, (8, 32), 1), [IMAGES])],
    "densify": [(lambda x: pb.asarray(slices(x)), [COLUMN])],
    "gather": [(lambda t: pb.gather(t, np.zeros(N, np.int32)), [(2, 4)])],
    "gather_nd": [(lambda t: pb.gather_nd(t, first_rows(N)), [(2, 4)])],
    "scatter_nd": [(lambda x: pb.scatter_nd(first_rows(N), x, (2, 4)), [COLUMN])],
    "tensor_scatter_add": [(lambda t, x: pb.tensor_scatter_nd_add(t, first_rows(N), x), [(2, 4), COLUMN])],
    "take_along_axis": [(lambda t: pb.take_along_axis(t, np.zeros((4, N), np.int32), 1), [(4, 2)])],
    "add_along_axis": [(lambda t: pb.take_along_axis(t, np.zeros((4, N), np.int32), 1), [(4, 2)])],
    "mirror_pad_gradient": [(lambda x: pb.pad(x, [[5, 5]], mode="SYMMETRIC"), [(6,)])],
    "tile_gradient": [(lambda x: pb.tile(x, (N, 1)), [(1, 4)])],
    "repeat_gradient": [(lambda x: pb.repeat(x, N, 0), [(1, 4)])],
    "tile": [(lambda x: pb.tile(x, (1, N)), [(4, 1)])],
    "repeat": [(lambda x: pb.repeat(x, N, 1), [(4, 1)])],
    "add_n": [(lambda x: pb.add_n([x] * 300), [(4,)])],
    "sum_gradients": [(lambda x: pb.add_n([x * 1 for _ in range(300)]), [(4,)])],
}
"""By operation: how it comes to add many terms, as a value or in its gradient."""

FUNCTIONS: dict[str, tuple[Body, Sequence[tuple[int, ...]]]] = {
    "var": (lambda x: pb.var(x, 0), [COLUMN]),
    "std": (lambda x: pb.std(x, 1, correction=1), [ROW]),
    "moments": (lambda x: pb.moments(x, 0)[1], [COLUMN]),
    "norm": (lambda x: pb.norm(x * 16, axis=1), [ROW]),
    "norm-1": (lambda x: pb.norm(x, 1, axis=1), [ROW]),
    "norm-3": (lambda x: pb.norm(x * 16, 3, axis=1), [ROW]),
    "count": (lambda x: pb.vector_norm(x, ord=0) + 0 * pb.sum(x), [(N,)]),
    "matrix_norm": (lambda x: pb.matrix_norm(x, ord=1), [COLUMN]),
    "l2_normalize": (lambda x: pb.l2_normalize(x * 16, 1), [ROW]),
    "batch_normalization": (
        lambda x, m, v: pb.batch_normalization(x, m, v, None, None, 1e-3),
        [COLUMN, (4,), (4,)],
    ),
    "fused_batch_norm": (lambda x, s, t: pb.fused_batch_norm(x, s, t)[0], [IMAGES, (2,), (2,)]),
    "group_norm": (lambda x, s: pb.group_norm(x, 1, s), [IMAGES, (2,)]),
    "segment_sum": (lambda x: pb.segment_sum(x, np.zeros(N, np.int32), 2), [COLUMN]),
    "segment_mean": (lambda x: pb.segment_mean(x, np.zeros(N, np.int32), 2), [COLUMN]),
    "lbeta": (lambda x: pb.lbeta(x), [ROW]),
    "vecdot": (pb.vecdot, [ROW, ROW]),
    "trace": (pb.trace, [(N // 4, N // 4)]),
    "cumulative_sum": (lambda x: pb.cumulative_sum(x, 1), [ROW]),
    "global_norm": (lambda x: pb.global_norm([x * 16]), [ROW]),
    "clip_by_norm": (lambda x: pb.clip_by_norm(x * 16, 5.0), [ROW]),
    "clip_by_global_norm": (lambda x: pb.clip_by_global_norm([x * 16], 5.0)[0][0], [ROW]),
    "tensordot": (lambda a, b: pb.tensordot(a, b, 2), [ROW, ROW]),
}
"""Functions that are made of several operations."""

MOVES = """
constant fill shape_of size reshape expand_dims squeeze transpose split concat split_like iota one_hot
argmax argmin argsort top_k searchsorted is_last unique random_uniform random_normal random_key strided_slice
strided_slice_gradient slice pad mirror_pad flip roll dynamic_slice dynamic_update_slice make_slices slice_values
slice_indices concat_slices replace_rows tensor_scatter_update matrix_band_part matrix_diag matrix_diag_part variable
read read_rows assign scatter_update empty_stack push pop while condition yield cond custom_gradient backward
gradient_results copy_to gate gradients kernel prod cumprod max_pool2d max_pool2d_select interleave mosaic
padded_slice
"""
"""What moves elements, multiplies them, chooses among them or holds others."""
ROUNDING_EACH_TIME = {"accumulate", "assign_add", "assign_sub"}
"""One addition each: what repeats them rounds each time."""
LAPACK = """
cholesky triangular_solve matrix_solve matrix_inverse determinant slogdet eigh qr svd pseudo_inverse cofactors
cofactors_derivative
"""
"""Factorizations of matrices, which run in f32."""


def test_every_operation_is_here() -> None:
    floats = [
        name.removeprefix("graph.")
        for name, cls in OPS.items()
        if not issubclass(cls, Elementwise)
        and not (issubclass(cls, OfDtypes) and not cls.DTYPES(element_type_from("f16")))
    ]
    known = {*ADDING, *MOVES.split(), *LAPACK.split(), *ROUNDING_EACH_TIME}
    assert [name for name in floats if name not in known] == []


def inputs(shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Values from 1/2 to 3/2 that all dtypes hold exactly."""
    rng = np.random.default_rng(0)
    return [np.asarray(rng.integers(32, 97, shape) / 64) for shape in shapes]


def computed(body: Body, arrays: Sequence[np.ndarray], dtype: str) -> list[np.ndarray]:
    """The value and the gradients of its sum, in f64."""
    kind = DTYPES.get(dtype, np.dtype(np.float64))
    with pb.Graph():
        xs = [pb.placeholder(dtype, a.shape) for a in arrays]
        y = body(*xs)
        seed = np.flip(inputs([y.shape])[0]).astype(kind)
        found = [y, *(d for d in pb.gradients(y, xs, grad_ys=seed) if d is not None)]
        dense = [pb.asarray(t) for t in found]
        values = pb.run(dense, dict(zip(xs, (a.astype(kind) for a in arrays), strict=True)))
    return [v.astype(np.float64) for v in values]


CASES = [
    *((name, *case) for name, cases in ADDING.items() for case in cases),
    *((name, *case) for name, case in FUNCTIONS.items()),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "body", "shapes"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_adds_up_in_f32(dtype: str, name: str, body: Body, shapes: Sequence[tuple[int, ...]]) -> None:
    arrays = inputs(shapes)
    found, exact = (computed(body, arrays, d) for d in (dtype, "f64"))
    for got, want in zip(found, exact, strict=True):
        scale = np.max(np.abs(want), initial=2.0**-14)
        np.testing.assert_allclose(got, want, rtol=4 * ROUNDING[dtype], atol=6 * ROUNDING[dtype] * scale)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_ones_in_bf16(target: str) -> None:
    """512 ones are 512, 4096 equal logits have softmaxes that add up to 1, and cost log(4096)."""
    with pb.Graph():
        ones, logits = pb.placeholder("bf16", (512,)), pb.placeholder("bf16", (1, N))
        total = pb.sum(ones)
        loss = pb.sparse_softmax_cross_entropy_with_logits(np.zeros(1, np.int32), logits)
        step = pb.compile([ones, logits], [total, pb.softmax(logits), loss], target=target)
    bf16 = DTYPES["bf16"]
    total, softmax, loss = step(np.ones(512, bf16), np.ones((1, N), bf16))
    assert total == 512
    assert np.all(softmax.astype(np.float32) == 1 / N)
    assert abs(float(loss[0]) - np.log(N)) < 0.03


def test_rows_of_one_index_that_a_variable_takes() -> None:
    with pb.Graph():
        table = pb.Variable(np.zeros((2, 3), DTYPES["bf16"]))
        values, indices = np.ones((N, 3), DTYPES["bf16"]), np.zeros(N, np.int32)
        rows = pb.IndexedSlices(pb.constant(values), pb.constant(indices), (2, 3))
        pb.run(table.assign_sub(rows))
    assert np.all(table.numpy().astype(np.float32) == [[-N] * 3, [0] * 3])
