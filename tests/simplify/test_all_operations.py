"""`canonicalize` keeps every operation's results and gradients to the bit, on ordinary and on odd arguments."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.context import context
from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.repeating import SumOfCopies
from pullback.dialects.graph.by_index.gather import zeros_like
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Add, Subtract
from pullback.dialects.graph.elementwise.exponential import Pow
from pullback.dialects.graph.gradient.markers import Accumulate, Summation
from pullback.dialects.graph.linear_algebra.einsum import Einsum
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.shapes import SumTo, dynamic_shape
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import GraphError, SlicesType, is_complex
from pullback.dialects.graph.windows.pool_families import Pooling
from pullback.dialects.verification import verify
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.simplify.canonicalize import canonicalize
from pullback.tests.graphs import Body, Function
from pullback.tests.ops.case import Case, differentiated, floating, real_parts
from pullback.tests.ops.collected import PARAMETERS

CONTEXT = context()
CONSTANTS: list[Number | None] = [None, 0, 1, 2, -1, -0.0, float("nan"), float("inf")]
"""What arguments are replaced by: fills, which `canonicalize` sees through."""
ODD = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0])
"""Elements for which rules of real numbers are wrong."""
EXTENTS = (0, 1)
"""What all extents are replaced by."""
DTYPES = ("f32", "bf16", "i32", "complex<f64>")
ROUNDED = (OverAxes, SumTo, SumOfCopies, MatMul, Einsum, Pooling, Pow)
"""What adds up terms, in an order that is not promised, or is a library's."""
WITH_ZEROS = (Add, Subtract, Summation, Accumulate, *ROUNDED)
"""What may add zeros: the one case in which -0.0 may stay."""


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(60)
def test_results_stay(case: Case, rng: np.random.Generator) -> None:
    compared = 0
    for variant in _variants(case, rng):
        try:
            function = variant.function()
            results = _results(function, variant)
            with np.errstate(all="ignore"):
                inputs = variant.inputs(function, rng)
                odd = [_with_odd(x, rng) for x in inputs]
        except (ValueError, LookupError):  # these types, or these numbers, are not for this body
            continue
        before = _module(function, results)
        after = before.clone()
        canonicalize(_main(after))
        verify(after)
        for arguments in (inputs, odd):
            try:
                expected = evaluate(_main(before), arguments)
            except (GraphError, np.linalg.LinAlgError):  # such as NaN where a matrix has no inverse
                continue
            for got, wanted in zip(evaluate(_main(after), arguments), expected, strict=True):
                _same(got, wanted, before, f"{before}\n{after}")
                compared += 1
    assert compared


def _variants(case: Case, rng: np.random.Generator) -> list[Case]:
    """The case; in other dtypes; with other extents; with constants for arguments."""
    types = [
        *([t.replace("f64", dtype) for t in case.types] for dtype in DTYPES),
        *([re.sub(r"\d+(?=x)", str(extent), t) for t in case.types] for extent in EXTENTS),
    ]
    numbers = [[CONSTANTS[i] for i in rng.integers(0, len(CONSTANTS), len(case.types))] for _ in range(4)]
    return [
        case,
        *(dataclasses.replace(case, types=tuple(t)) for t in types),
        *(dataclasses.replace(case, body=_with_constants(case.body, n)) for n in numbers),
    ]


def _with_constants(body: Body, numbers: Sequence[Number | None]) -> Body:
    """A body that sees fills in the place of some of its arguments, of the same types and shapes.

    Complex ones are finite: that 1 is a real number shows where its imaginary zero meets an infinity.
    """

    def replaced(x: Tensor, number: Number | None) -> Tensor:
        if number is None or (is_complex(x.element_type) and not np.isfinite(number)):
            return x
        shape = dynamic_shape(x)
        return Fill.full(number, x.type, shape[0] if shape else None)

    return lambda *args: body(*map(replaced, args, numbers))


def _results(function: Function, case: Case) -> list[Tensor]:
    """What the body makes, and its gradients, from ones and from zeros."""
    results = list(function.ys)
    xs = differentiated(function)
    if not case.orders or not xs:
        return results
    ys = [part for y in floating(results) for part in real_parts(function, y)]
    found = function.gradients(ys, xs)
    if not any(isinstance(y.type, SlicesType) for y in ys):
        with inserting(function.block.add_op):
            zeros = [zeros_like(y) for y in ys]
        found += function.gradients(ys, xs, zeros)
    return results + [g for g in found if g is not None]


def _module(function: Function, results: list[Tensor]) -> ModuleOp:
    function.block.add_op(func.ReturnOp(*(t.value for t in results)))
    function.op.update_function_type()
    module = ModuleOp([function.op])
    run_passes(CONTEXT, module, parse_passes("aggregate-gradients,gate-gradients"))
    return module


def _main(module: ModuleOp) -> func.FuncOp:
    (function,) = module.ops
    assert isinstance(function, func.FuncOp)
    return function


def _with_odd(x: Any, rng: np.random.Generator) -> Any:
    """The argument with odd elements here and there; complex ones stay, whose products mix their parts."""
    if x.dtype.kind not in "fV":
        return x
    odd = rng.choice(ODD, x.shape).astype(x.dtype)
    return np.where(rng.random(x.shape) < 0.5, odd, x).astype(x.dtype)


def _same(got: Any, wanted: Any, module: ModuleOp, message: str) -> None:
    """The same bits; zeros of either sign, and sums of another rounding, where operations allow it."""
    if isinstance(wanted, SlicesValue):
        got, wanted = got.dense(), wanted.dense()
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype), message
    if wanted.dtype.kind == "V":
        got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    operations = list(module.walk())
    if any(isinstance(op, ROUNDED) for op in operations):
        digits = {"bf16": 0.1, "f32": 1e-4}
        tolerance = max((v for k, v in digits.items() if f"{k}>" in message), default=1e-9)
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance, err_msg=message)
        return
    np.testing.assert_array_equal(got, wanted, err_msg=message)
    if wanted.dtype.kind == "f" and not any(isinstance(op, WITH_ZEROS) for op in operations):
        np.testing.assert_array_equal(
            np.signbit(got[got == 0]), np.signbit(wanted[wanted == 0]), err_msg=message
        )
