"""Operations on the oracle against something independent, and natively against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.types import SlicesType
from pullback.dialects.graph.value import Tensor
from pullback.driver.program import compile_function
from pullback.tests.graphs import Function
from pullback.tests.ops.case import Case, differentiated, floating, real_parts
from pullback.tests.ops.collected import PARAMETERS


def _close(got: Any, expected: Any, tolerance: float) -> None:
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("case", [p for p in PARAMETERS if p.values[0].reference is not None])  # pyright: ignore[reportAttributeAccessIssue]
def test_reference(case: Case, rng: np.random.Generator) -> None:
    assert case.reference is not None
    function = case.function()
    inputs = case.inputs(function, rng)
    with np.errstate(all="ignore"):
        expected = case.reference(*inputs)
        got = function(*inputs)
    listed = expected if isinstance(expected, list | tuple) else [expected]
    assert len(got) == len(listed)
    for value, wanted in zip(got, listed, strict=True):
        _close(value, wanted, case.tolerance)


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(150)
def test_native(case: Case, rng: np.random.Generator) -> None:
    """Values, and gradients of the first order."""
    function = case.function()
    results = [y for y in function.ys if not isinstance(y.type, SlicesType)]
    if case.orders:
        ys = [part for y in floating(results) for part in real_parts(function, y)]
        found = function.gradients(ys, differentiated(function))
        results += [g for g in found if g is not None and not isinstance(g.type, SlicesType)]
    inputs = case.inputs(function, rng)
    with np.errstate(all="ignore"):
        expected = function(*inputs, results=results)
        got = compile_function(_module(function, results), "cpu")(
            [np.array(x, order="C") for x in inputs], {}
        )
    for value, wanted in zip(got, expected, strict=True):
        assert value.dtype == wanted.dtype
        _close(value, wanted, max(case.tolerance, 1e-9))


def _module(function: Function, results: list[Tensor]) -> ModuleOp:
    function.block.add_op(func.ReturnOp(*(t.value for t in results)))
    function.op.update_function_type()
    return ModuleOp([function.op])
