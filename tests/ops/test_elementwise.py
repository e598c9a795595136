"""Elementwise operations where they are not smooth: kinks, ties, infinities, NaN; and in every dtype they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, f64

import pullback as pb
from pullback.dialects.graph import OPS
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.activations import LeakyRelu
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.elementwise.error_function import Gelu
from pullback.dialects.graph.elementwise.gamma import Polygamma
from pullback.dialects.graph.op.families import Binary, Elementwise, Unary
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES, element_type_of, numpy_dtype
from pullback.driver.program import compile_function
from pullback.passes.gradients.rule_registry import RuleState, state_of
from pullback.tests.graphs import build

INF, NAN = np.inf, np.nan

GRADIENTS: dict[str, tuple[Callable[..., Any], list[float], list[float]]] = {
    "relu": (pb.relu, [-1, 0, 2], [0, 0, 1]),
    "relu6": (pb.relu6, [-1, 0, 3, 6, 7], [0, 0, 1, 0, 0]),
    "leaky_relu": (pb.leaky_relu, [-1, 0, 2], [0.2, 0.2, 1]),
    "elu": (pb.elu, [-INF, 0, 2], [0, 1, 1]),
    "abs": (abs, [-3, -0.0, 0, 3], [-1, 0, 0, 1]),
    "sign": (pb.sign, [-3, 0, 3], [0, 0, 0]),
    "square": (pb.square, [-3, 0, INF], [-6, 0, INF]),
    "sqrt": (pb.sqrt, [0, 4, -1], [INF, 0.25, NAN]),
    "rsqrt": (pb.rsqrt, [0, 4], [-INF, -1 / 16]),
    "reciprocal": (pb.reciprocal, [0, 2], [-INF, -0.25]),
    "log": (pb.log, [0, 2], [INF, 0.5]),
    "x ** 0": (lambda x: x**0.0, [0, 2, INF], [0, 0, 0]),
    "x ** 2": (lambda x: x**2.0, [0, -2], [0, -4]),
    "x ** 0.5": (lambda x: x**0.5, [0, 4], [INF, 0.25]),
    "2 ** x": (lambda x: 2.0**x, [0, -1], [np.log(2), np.log(2) / 2]),
    "0 ** x": (lambda x: 0.0**x, [0, 1], [0, 0]),
    "(-2) ** x": (lambda x: (-2.0) ** x, [1, 2], [0, 0]),
    "maximum at a tie": (lambda x: pb.maximum(x, 1.0), [0, 1, 2], [0, 1, 1]),
    "maximum at a tie, second": (lambda x: pb.maximum(1.0, x), [0, 1, 2], [0, 0, 1]),
    "minimum at a tie": (lambda x: pb.minimum(x, 1.0), [0, 1, 2], [1, 1, 0]),
    "minimum at a tie, second": (lambda x: pb.minimum(1.0, x), [0, 1, 2], [1, 0, 0]),
    "clip": (lambda x: pb.clip(x, 0.0, 1.0), [-1, 0, 0.5, 1, 2], [0, 1, 1, 1, 0]),
    "clip below": (lambda x: pb.clip(x, min=0.0), [-1, 0, 1], [0, 1, 1]),
    "clip above": (lambda x: pb.clip(x, max=0.0), [-1, 0, 1], [1, 1, 0]),
    "clip between crossed bounds": (lambda x: pb.clip(x, 1.0, 0.0), [-1, 0.5, 2], [0, 0, 0]),
    "lower bound": (lambda x: pb.clip(0.0, x, 1.0), [-1, 0, 1, 2], [0, 0, 1, 1]),
    "upper bound": (lambda x: pb.clip(2.0, 1.0, x), [0.5, 1, 1.5, 2, 3], [0, 1, 1, 0, 0]),
    "remainder": (lambda x: pb.remainder(x, 2.0), [-1, 0, 4.5], [1, 1, 1]),
    "remainder by x": (lambda x: pb.remainder(5.0, x), [2, -2], [-2, 3]),
    "dividend of div_no_nan": (lambda x: pb.div_no_nan(x, 0.0), [0, 2], [0, 0]),
    "divisor of div_no_nan": (lambda x: pb.div_no_nan(3.0, x), [0, 2], [0, -0.75]),
    "mul_no_nan": (lambda x: pb.mul_no_nan(x, 0.0), [INF, NAN], [0, 0]),
    "xlogy": (lambda x: pb.xlogy(x, 0.0), [0, 1], [0, -INF]),
    "xlogy of 0": (lambda x: pb.xlogy(0.0, x), [0, 1], [0, 0]),
    "xdivy": (lambda x: pb.xdivy(x, 0.0), [0, 1], [0, INF]),
    "xdivy of 0": (lambda x: pb.xdivy(0.0, x), [0, 1], [0, 0]),
    "logaddexp of infinities": (lambda x: pb.logaddexp(x, x), [-INF, 0, INF], [1, 1, 1]),
    "logaddexp of one infinity": (lambda x: pb.logaddexp(x, -INF), [-INF, 0, INF], [0.5, 1, 1]),
    "softplus": (pb.softplus, [-INF, 0, INF], [0, 0.5, 1]),
    "log_sigmoid": (pb.log_sigmoid, [-INF, 0, INF], [1, 0.5, 0]),
    "sigmoid": (pb.sigmoid, [-INF, -1000, 0, INF], [0, 0, 0.25, 0]),
    "tanh": (pb.tanh, [-INF, 0, INF], [0, 1, 0]),
    "softsign": (pb.softsign, [-1, 0, 1], [0.25, 1, 0.25]),
    "hypot": (lambda x: pb.hypot(x, 0.0), [-3, 0, 3], [-1, 0, 1]),
    "copysign": (lambda x: pb.copysign(x, -1.0), [-3, 0, 3], [1, 0, -1]),
    "asin": (pb.asin, [-1, 0, 1], [INF, 1, INF]),
    "acosh": (pb.acosh, [1], [INF]),
    "erf": (pb.erf, [-INF, INF], [0, 0]),
    "lgamma": (pb.lgamma, [-INF, -1, -0.0, 0, 1, INF], [NAN, NAN, INF, -INF, -np.euler_gamma, INF]),
    "digamma": (pb.digamma, [-1, 0, 1, INF], [INF, INF, np.pi**2 / 6, 0]),
}


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient_at_kinks_ties_and_infinities(name: str, target: str) -> None:
    function, points, expected = GRADIENTS[name]
    with pb.Graph():
        x = pb.placeholder("f64", (len(points),))
        (dx,) = pb.gradients(function(x), [x])
        step = pb.compile([x], [dx], target=target)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(step(np.array(points, np.float64))[0], expected, rtol=1e-14)


@pytest.mark.parametrize(
    "cut", [pb.floor, pb.ceil, pb.round, pb.trunc, lambda x: x // 2.0, lambda x: pb.copysign(1.0, x)]
)
def test_no_gradient_through(cut: Callable[[pb.Tensor], pb.Tensor]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3,))
        assert pb.gradients(cut(x) * 2.0, [x]) == [None]


def test_magnitude_and_sign_of_a_complex_zero() -> None:
    with pb.Graph():
        z = pb.constant(np.array([0, 3 + 4j]))
        (dz,) = pb.gradients(pb.abs(z), [z])
        (ds,) = pb.gradients(pb.real(pb.sign(z)), [z])
        value, dabs, dsign = pb.run([pb.abs(z), dz, ds])
    np.testing.assert_array_equal(value, [0, 5])
    np.testing.assert_allclose(dabs, [0, 0.6 + 0.8j])
    # The real part is x / |z|, whose derivatives are y^2 / |z|^3 and -x y / |z|^3.
    np.testing.assert_allclose(dsign, [0, (16 - 12j) / 125])


# ---- special values -----------------------------------------------------------------------------------------

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    3.0,
    6.0,
    1e-30,
    1e30,
    -1e30,
    20.0,
    -20.0,
    88.0,
    -88.0,
    INF,
    -INF,
    NAN,
]
ELEMENTWISE = {
    name: op
    for name, op in OPS.items()
    if issubclass(op, Elementwise) and (op.DTYPES(f64)) and name not in ("graph.cast", "graph.complex")
}
MADE: dict[str, Callable[..., Tensor]] = {
    "graph.leaky_relu": lambda x: LeakyRelu.sloped(x, 0.2),
    "graph.polygamma": lambda x: Polygamma.derived(x, 1),
}


def _arity(op: type[GraphOp]) -> int:
    return len(op.get_irdl_definition().operands)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_special_values(name: str, dtype: str) -> None:
    op = ELEMENTWISE[name]
    values = np.array(SPECIAL, numpy_dtype(DTYPES[dtype]))
    count = _arity(op)
    grids = np.meshgrid(*[values] * min(count, 2), indexing="ij")
    inputs = [np.ascontiguousarray(g).reshape(-1) for g in grids]
    if name == "graph.where":
        inputs = [inputs[0] > 0, *inputs]
    elif count == 3:
        inputs.append(np.ones_like(inputs[0]))
    types = [f"{len(x)}x{'i1' if x.dtype == bool else dtype}" for x in inputs]
    function = build(types, MADE.get(name, op.of))
    with np.errstate(all="ignore"):
        (expected,) = function(*inputs)
    function.block.add_op(func.ReturnOp(function.ys[0].value))
    function.op.update_function_type()
    (got,) = compile_function(ModuleOp([function.op]), "cpu")(inputs, {})
    tolerance = 2e-6 if dtype == "f32" else 1e-14
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=np.finfo(values.dtype).tiny)


# ---- dtypes -------------------------------------------------------------------------------------------------


def _accepted() -> list[Any]:
    return [
        pytest.param(op, dtype, id=f"{name.removeprefix('graph.')}-{dtype}")
        for name, op in OPS.items()
        if issubclass(op, Unary | Binary) and op is not Cast
        for dtype, element_type in DTYPES.items()
        if op.DTYPES(element_type) and not (name == "graph.complex" and dtype in ("f16", "bf16"))
    ]


@pytest.mark.parametrize(("op", "dtype"), _accepted())
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (5,)], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_oracle_in_every_dtype(
    op: type[Unary] | type[Binary], dtype: str, shape: tuple[int, ...]
) -> None:
    values = np.full(shape, 0.75).astype(numpy_dtype(DTYPES[dtype]))
    extents = "".join(f"{n}x" for n in shape)
    function = build([f"{extents}{dtype}"] * _arity(op), MADE.get(op.name, op.of))
    (result,) = function(*[values] * _arity(op))
    assert result.dtype == numpy_dtype(element_type_of(function.ys[0].type))
    assert result.shape == shape


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
@pytest.mark.parametrize("name", [n for n, op in ELEMENTWISE.items() if issubclass(op, Unary)])
def test_half_precision_is_rounded_once(name: str, dtype: str) -> None:
    """Up to the steps that a formula is computed in."""
    x = np.array([0.25, 0.5, 0.875, 1.5, 2.0, 3.5], numpy_dtype(DTYPES[dtype]))
    make = MADE.get(name, OPS[name].of)
    with np.errstate(all="ignore"):
        (half,) = build([f"6x{dtype}"], make)(x)
        (exact,) = build(["6xf64"], make)(x.astype(np.float64))
    limits = ml_dtypes.finfo(x.dtype)
    np.testing.assert_allclose(
        half.astype(np.float64),
        exact.astype(np.float64),
        rtol=4 * float(limits.eps),
        atol=float(limits.smallest_normal),
    )


WITH_RULES = [
    op
    for op in OPS.values()
    if issubclass(op, Unary | Binary)
    and op is not Cast
    and state_of(op) is RuleState.RULE
    and op.name not in ("graph.complex", "graph.prevent_gradient")
]


@pytest.mark.parametrize(
    ("op", "dtype"),
    [
        pytest.param(op, dtype, id=f"{op.name.removeprefix('graph.')}-{dtype}")
        for op in WITH_RULES
        for dtype in ("f16", "bf16", "f32", "complex<f32>")
        if op.DTYPES(DTYPES[dtype])
    ],
)
def test_rules_keep_the_dtype(op: type[Unary] | type[Binary], dtype: str) -> None:
    function = build([f"2x3x{dtype}"] * _arity(op), MADE.get(op.name, op.of))
    (y,) = function.ys
    with inserting(function.block.add_op):
        seed = Fill.full(1, y.type)
    found = function.gradients([y], function.args, grad_ys=[seed])
    assert {g.dtype for g in found if g is not None} == {dtype}


def test_gelu_is_one_operation_in_two_forms() -> None:
    function = build(["3xf32"], lambda x: [Gelu.gated(x, False), Gelu.gated(x, True)])
    exact, approximate = function(np.array([-1, 0.5, 2], np.float32))
    np.testing.assert_allclose(exact, approximate, atol=1e-3)
    assert np.any(exact != approximate)
