"""Random numbers in kernels: blocks for several vectors, at every width of registers, and what is left behind them."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Attribute

from pullback.dialects.graph.creation.distributions import RandomUniform
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.loops.kernel_cases import check, sample, schedule

SEED = np.array([7, -(2**50)], np.int64)


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("element_type", [f32, f64], ids=str)
def test_vectors_of_every_length(bits: int, element_type: Attribute) -> None:
    def body(seed: Tensor) -> list[Tensor]:
        return [RandomUniform.draw(seed, element_type, (157,), None)]

    check(schedule("pointwise", (157,)), [SEED], body, bits=bits)


@pytest.mark.parametrize("columns", [3, 64, 70])
def test_rows_that_blocks_fill_or_not(columns: int) -> None:
    def body(seed: Tensor, x: Tensor) -> list[Tensor]:
        drawn = RandomUniform.draw(seed, f32, (3, columns), None)
        return [drawn * x, drawn + 1]

    check(schedule("pointwise", (3, columns)), [SEED, sample((columns,))], body)


def test_blocks_of_two_lengths_beside_each_other() -> None:
    def body(seed: Tensor, x: Tensor) -> list[Tensor]:
        wide, narrow = (RandomUniform.draw(seed, t, (130,), None) for t in (f64, f32))
        return [wide, narrow + x]

    check(schedule("pointwise", (130,)), [SEED, sample((130,))], body)
