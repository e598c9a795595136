"""Operations on the oracle against an independent reference, and natively against the oracle."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.elementwise.complex_numbers import MakeComplex
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, numpy_dtype
from pullback.driver.program import compile_function
from pullback.tests.graphs import Function
from pullback.tests.ops.case import Case, differentiated, floating, real_parts
from pullback.tests.ops.collected import CASES, PARAMETERS
from pullback.tools.generate.support_matrix import operations

pytestmark = pytest.mark.filterwarnings(
    "ignore::pullback.passes.placement.device_warnings.DeviceWarning"
)  # some cases name devices, which the processor ignores


def _close(got: Any, expected: Any, tolerance: float) -> None:
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


REFERENCED = [p for p in PARAMETERS if p.values[0].reference is not None]  # pyright: ignore[reportAttributeAccessIssue]


DISTRIBUTIONS = {"graph.random_bits", "graph.random_uniform", "graph.random_normal"}
"""They are held against distributions, in frontend/test_random.py."""


def test_every_operation_has_a_reference() -> None:
    referenced = {name for name, cases in CASES.items() if any(case.reference for case in cases)}
    assert set(operations()) - referenced == DISTRIBUTIONS


@pytest.mark.parametrize("case", REFERENCED)
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


NARROW = {"f32": 1e-4, "f16": 3e-2, "bf16": 0.2}
"""Dtypes that hold less than f64, and how far off results may be in them."""


def _narrowed() -> Iterator[Any]:
    """Each case that has floating-point arguments, in each dtype that holds less: no complex dtype has halves."""
    for parameter in REFERENCED:
        (case,) = parameter.values
        assert isinstance(case, Case)
        types = " ".join(case.types)
        is_of_complex = "complex" in types or case.body == MakeComplex.of
        for dtype in NARROW if "f64" in types else ():
            if dtype == "f32" or not is_of_complex:
                narrow = dataclasses.replace(case, types=tuple(t.replace("f64", dtype) for t in case.types))
                yield pytest.param(narrow, dtype, id=f"{parameter.id}-{dtype}")


@pytest.mark.parametrize(("narrow", "dtype"), list(_narrowed()))
@pytest.mark.matrix(500)
def test_narrow_dtypes(narrow: Case, dtype: str, rng: np.random.Generator) -> None:
    """The dtype stays, and the numbers are those of the reference on the same inputs, up to rounding."""
    assert narrow.reference is not None
    function = narrow.function()
    with np.errstate(over="ignore"):
        inputs = narrow.inputs(function, rng)
    wide = [
        x if x.dtype.kind in "iub" else x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
        for x in inputs
    ]
    with np.errstate(all="ignore"):
        expected = narrow.reference(*wide)
        got = function(*inputs)
    listed = expected if isinstance(expected, list | tuple) else [expected]
    for value, wanted, y in zip(got, listed, function.ys, strict=True):
        assert value.dtype == numpy_dtype(y.element_type)
        _close(value.astype(np.asarray(wanted).dtype), wanted, NARROW[dtype])


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(300)
def test_native(case: Case, rng: np.random.Generator) -> None:
    check_target(case, "cpu", rng)


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(40)
def test_on_emulated_threads(case: Case, rng: np.random.Generator) -> None:
    check_target(case, "simt", rng)


@pytest.mark.parametrize("target", ["fibers"])
@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(6)
def test_as_cuda_text(case: Case, target: str, rng: np.random.Generator) -> None:
    check_target(case, target, rng)


def check_target(case: Case, target: str, rng: np.random.Generator) -> None:
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
        got = compile_function(_module(function, results), target)(
            [np.array(x, order="C") for x in inputs], {}
        )
    for value, wanted in zip(got, expected, strict=True):
        assert value.dtype == wanted.dtype
        _close(value, wanted, max(case.tolerance, 1e-9))


def _module(function: Function, results: list[Tensor]) -> ModuleOp:
    function.block.add_op(func.ReturnOp(*(t.value for t in results)))
    function.op.update_function_type()
    return ModuleOp([function.op])
