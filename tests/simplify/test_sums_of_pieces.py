"""Sums of concatenations with zeros, which gradients of slices are: the same numbers, and no zeros left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.split_concat import Concat

Cut = slice | tuple[slice, ...]


def simplified(inputs: list[Any], outputs: list[Any], arrays: list[Any]) -> list[Any]:
    """The operations of kernels, where gradients of slices are concatenations; results are those of NumPy."""
    step = pb.compile(inputs, outputs, target="cpu")
    plain = pb.compile(inputs, outputs, target="numpy", pipeline="generate-gradients,dce")
    for a, b in zip(step(*arrays), plain(*arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3 if a.dtype == np.float16 else 1e-6)
    return [*step.module("kernels").op.walk()]


def concatenations(cuts: Sequence[Cut], dtype: str = "float32") -> tuple[int, int]:
    """Concatenations, and zeros among their pieces, in the gradient of functions of slices of one tensor."""
    x = np.arange(1, 49).reshape(6, 8).astype(dtype)
    with pb.Graph():
        given = pb.placeholder(dtype, x.shape)
        total = pb.add_n([pb.sum(pb.square(given[cut]) * (at + 1.0)) for at, cut in enumerate(cuts)])
        ops = simplified([given], list(pb.gradients(total, [given])), [x])
    joined = [op for op in ops if isinstance(op, Concat)]
    return len(joined), sum(isinstance(v.owner, Fill) for op in joined for v in op.operands)


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize(
    "cuts",
    [
        [slice(0, 3), slice(3, None)],
        [slice(4, None), slice(0, 1), slice(1, 4)],
        [np.s_[:, :4], np.s_[:, 4:], np.s_[:, :4]],
        [np.s_[:, :2], np.s_[:, 2:5], np.s_[:, 5:], np.s_[:, 2:5]],
    ],
)
def test_slices_that_share_out_a_tensor(cuts: Sequence[Cut], dtype: str) -> None:
    assert concatenations(cuts, dtype) == (1, 0)


def test_a_part_that_no_slice_takes_is_zero() -> None:
    assert concatenations([slice(0, 2), slice(4, None)]) == (1, 1)


@pytest.mark.parametrize(
    "cuts",
    [
        [slice(0, 4), slice(2, None)],
        [slice(1, None), slice(0, -1)],
        [slice(0, 3), np.s_[:, 4:]],
    ],
)
def test_slices_that_overlap_stay(cuts: Sequence[Cut]) -> None:
    assert concatenations(cuts)[0] == 2


def test_other_terms_are_added() -> None:
    x = np.arange(12, dtype=np.float32)
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        total = pb.sum(given[:5] * 2.0) + pb.sum(pb.exp(given * -1.0)) + pb.sum(pb.square(given[5:]))
        ops = simplified([given], list(pb.gradients(total, [given])), [x])
    assert sum(isinstance(op, Concat) for op in ops) == 1


def test_what_others_read_stays() -> None:
    x = np.arange(6, dtype=np.float32)
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        first = pb.concat([given, pb.zeros(6, "f32")], 0)
        second = pb.concat([pb.zeros(6, "f32"), given], 0)
        ops = simplified([given], [first + second, first, second], [x])
    assert sum(isinstance(op, Concat) for op in ops) == 2
