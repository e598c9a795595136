"""Upstream's own tools on the programs of this folder: they accept them, and compute the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests import mlir_tools
from pullback.tests.backends.cpu.native import compile_text, parse, program

random = np.random.default_rng(11)
INPUTS = {
    "softmax": [
        random.normal(size=(8, 37)).astype(np.float32),
        np.zeros((8, 37), np.float32),
        np.zeros(1184, np.int8),
    ],
    "column_sums": [random.normal(size=(31, 64)), np.zeros(64)],
    "stack": [np.array([9]), np.arange(4.0), np.zeros(4)],
    "gather_rows": [
        random.normal(size=(10, 5)).astype(np.float32),
        np.array([3, 0, 9, 3, 7, 7, 1, 2], np.int32),
        np.zeros(8, np.float32),
        np.zeros(10, np.float32),
    ],
}


@mlir_tools.needs_mlir_opt
@pytest.mark.parametrize("name", INPUTS)
def test_mlir_opt_accepts(name: str) -> None:
    mlir_tools.accepts(parse(program(name)))


@mlir_tools.needs_mlir_runner
@pytest.mark.parametrize("name", INPUTS)
def test_mlir_runner_agrees(name: str) -> None:
    text = program(name)
    theirs = mlir_tools.run(parse(text), INPUTS[name])
    ours = [array.copy() for array in INPUTS[name]]
    compile_text(text)(*ours)
    for a, b in zip(ours, theirs, strict=True):
        if a.dtype.kind == "f":
            np.testing.assert_array_max_ulp(a, b, 4)
        elif a is not ours[-1]:  # the last may be an arena of bytes
            np.testing.assert_array_equal(a, b)
