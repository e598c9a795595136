"""Stable order along the last axis: the indices that sort numbers, where equal elements keep their order.

NumPy's stable sort is a merge or radix sort of indices, several times as slow as its quicksort, which has vector
instructions for numbers of 64 bits. So a number of up to 32 bits becomes one of 64, with its index in the lower half:
no two are equal, and any sort is stable. Where elements have 64 bits themselves, quicksort serves as long as no two are
equal.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
LITTLE_ENDIAN_WORD, LITTLE_ENDIAN_HALF = np.dtype("<i8"), np.dtype("<i4")
INDEX, KEY = 0, 1
"""The places of the halves in such a word."""
KEY_BYTES = 4
INDEX_BITS = np.int64(0xFFFFFFFF)
BLOCK = 1 << 14
"""Elements at a time, unless a row is longer: what is made of them stays in the cache."""
MAGNITUDE = np.int32(0x7FFFFFFF)


def stable_order(x: Array, descending: bool = False, count: int | None = None) -> Array:
    """Computes the indices, i64, that sort the last axis; equal elements, and NaN, keep their order.

    Args:
        x: real numbers or truth values, of at least rank 1.
        descending: the largest first. NaN counts as larger than all numbers.
        count: only so many, the first; all unless given.
    """
    last = x.shape[-1]
    if last > MAGNITUDE or x.dtype.itemsize > KEY_BYTES:
        return _order_of_wide(x, descending)[..., :count]
    kept = last if count is None else count
    count_of_rows = prod(x.shape[:-1])
    rows, orders = x.reshape(count_of_rows, last), np.empty((count_of_rows, kept), np.int64)
    step = max(1, BLOCK // max(1, last))
    for begin in range(0, count_of_rows, step):
        orders[begin : begin + step] = _order_of_rows(rows[begin : begin + step], descending, kept)
    return orders.reshape(*x.shape[:-1], kept)


def _order_of_rows(x: Array, descending: bool, count: int) -> Array:
    """Orders the rows of a matrix; of each the first so many."""
    last, keys = x.shape[-1], _keys(x)
    halves = np.empty((*x.shape, 2), LITTLE_ENDIAN_HALF)
    halves[..., INDEX] = np.arange(last, dtype=np.int32)
    halves[..., KEY] = ~keys if descending else keys
    words = halves.view(LITTLE_ENDIAN_WORD)[..., 0]
    if count < last:
        words.partition(count, axis=-1)
        words = words[:, :count]
    words.sort(axis=-1)
    return words & INDEX_BITS


def _keys(x: Array) -> Array:
    """Integers of 32 bits that are in the order of the elements, which have as many at most."""
    if x.dtype.kind in "bi":
        return x.astype(np.int32)
    bits = x.astype(np.float32).view(np.int32)
    sign = bits >> 31
    bits &= MAGNITUDE
    has_nan = bits.size > 0 and bits.max() > np.float32(np.inf).view(np.int32)
    if has_nan:
        is_nan = bits > np.float32(np.inf).view(np.int32)
        bits[is_nan], sign[is_nan] = MAGNITUDE, 0
    bits ^= sign  # of one's complement, less the sign: so that both zeros are 0
    bits -= sign
    return bits


def _order_of_wide(x: Array, descending: bool) -> Array:
    """Orders elements of 64 bits."""
    turned = x[..., ::-1] if descending else x
    order = np.argsort(turned, axis=-1)
    if _has_equal_neighbors(np.take_along_axis(turned, order, -1)):
        order = np.argsort(turned, axis=-1, kind="stable")
    return x.shape[-1] - 1 - order[..., ::-1] if descending else order


def _has_equal_neighbors(ordered: Array) -> bool:
    """Tells whether two elements in order are equal, or both NaN."""
    before, after = ordered[..., :-1], ordered[..., 1:]
    return bool(((before == after) | (before != before)).any())
