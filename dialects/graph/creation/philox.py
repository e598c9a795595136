"""Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), for arrays and kernel bodies.

A block is four words of 32 bits, a function of a counter of four words and a key of two. All words are the lower halves
of 64-bit integers, whose upper halves mean nothing: so a product of two words takes one instruction, and no word is
packed or unpacked between rounds. Counters and keys come as such integers too, in pairs: one holds two words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.op.scalar import Scalar, emit

ROUNDS = 10
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
"""What is added to each word of the key after a round."""
WORD = 2**32 - 1
"""The mask of a word."""
WORDS = 4
"""The words of a block."""


def philox(
    key: Any, lower: Any, upper: Any, high: Callable[[Any], Any], number: Callable[[int], Any]
) -> tuple[Any, Any, Any, Any]:
    """The words of a block, from the key and the two halves of the counter.

    `high` shifts down by 32 bits, `number` makes a constant of the kind of the operands.
    """
    keys = key, high(key)
    c0, c1, c2, c3 = lower, high(lower), upper, high(upper)
    for done in range(ROUNDS):
        k0, k1 = (k + number(done * step) if done else k for k, step in zip(keys, WEYL, strict=True))
        first, second = ((c & number(WORD)) * number(m) for c, m in zip((c0, c2), MULTIPLIERS, strict=True))
        c0, c1, c2, c3 = high(second) ^ c1 ^ k0, second, high(first) ^ c3 ^ k1, first
    return c0, c1, c2, c3


def blocks_of_arrays(seed: Array, first: int, count: int) -> Array:
    """The words of so many blocks from one on, as an array of 4 x count, of which each element holds one word."""
    key, upper = seed.astype(np.int64).view(np.uint64).reshape(2, 1)
    lower = np.arange(count, dtype=np.uint64) + np.uint64(first)
    words = philox(key, lower, upper, _high_of_array, np.uint64)
    return np.stack(np.broadcast_arrays(*words)) & WORD


def _high_of_array(x: Array) -> Array:
    return x >> 32


def block_of_scalars(key: Scalar, lower: Scalar, upper: Scalar) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """The words of a block, or of a vector of blocks, in registers. Each constant is made once."""
    number = cache(key.like)
    return philox(key, lower, upper, lambda x: emit("arith.shrui", x.type, x, number(32)), number)


def down(x: Scalar, places: int) -> Scalar:
    """The bits of an integer so many places down, behind zeros."""
    return emit("arith.shrui", x.type, x, x.like(places)) if places else x


def joined(upper: Scalar, lower: Scalar) -> Scalar:
    """The integer of 64 bits that holds two words."""
    return emit("arith.shli", upper.type, upper, upper.like(32)) | (lower & WORD)
