"""The emitters: their kernels run on the emulator and give NumPy's numbers, with every check of it on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import run
from pullback.passes.gpu.point import runs
from pullback.tests.gpu import programs
from pullback.tests.gpu.programs import Program

PROGRAMS: dict[str, Callable[[], Program]] = {
    "tanh_chain": programs.tanh_chain,
    "tanh_chain_of_a_vector": lambda: programs.tanh_chain((1, 5)),
    "tanh_chain_of_four_dims": lambda: programs.tanh_chain((3, 1, 5, 70)),
    "tanh_chain_beyond_one_grid": lambda: programs.tanh_chain((3, 200_000)),
    "tanh_chain_of_nothing": lambda: programs.tanh_chain((0, 5)),
    "transpose": programs.transpose,
    "gather": programs.gather,
    "softmax": programs.softmax,
    "softmax_of_one_warp": lambda: programs.softmax(5, 10),
    "softmax_of_two_warps": lambda: programs.softmax(5, 200),
    "softmax_of_many_rows": lambda: programs.softmax(700, 33),
    "softmax_of_one_column": lambda: programs.softmax(4, 1),
    "softmax_of_no_rows": lambda: programs.softmax(0, 10),
    "moments": programs.moments,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_numpy(name: str) -> None:
    program = PROGRAMS[name]()
    run(program.module, program.buffers, undefined=program.undefined)
    for got, expected in zip(program.outputs, program.expected, strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


def test_removed_barrier_is_found() -> None:
    program = programs.softmax()
    barrier = next(op for op in program.module.walk() if op.name == "gpu.barrier")
    barrier.detach()
    with pytest.raises(
        ExecutionError, match=r"memref.load in @softmax: data race on element \d+ of shared memory"
    ):
        run(program.module, program.buffers)


@pytest.mark.parametrize(
    ("extents", "coefficients", "expected"),
    [
        ((4, 5, 6), (30, 6, 1), [(0, 3, 1)]),
        ((4, 5, 6), (0, 6, 1), [(1, 3, 1)]),
        ((4, 5, 6), (5, 1, 0), [(0, 2, 1)]),
        ((4, 5, 6), (1, 24, 4), [(0, 1, 1), (1, 3, 4)]),
        ((1, 5, 6), (0, 6, 1), [(0, 3, 1)]),
        ((4, 1, 6), (6, 0, 1), [(0, 3, 1)]),
        ((4, 5, 6), (0, 0, 0), []),
    ],
)
def test_runs(
    extents: tuple[int, ...], coefficients: tuple[int, ...], expected: list[tuple[int, int, int]]
) -> None:
    assert runs(extents, coefficients) == expected


def test_what_one_branch_computes_another_computes_again() -> None:
    program = programs.strided_sums()
    run(program.module, program.buffers, undefined=program.undefined)
    for got, expected in zip(program.outputs, program.expected, strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-6)
