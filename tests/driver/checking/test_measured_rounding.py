"""What rounding explains is no fault of a pass: other orders of additions, signs of NaN, numbers beside a jump."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.ir import Operation

from pullback.dialects.context import context
from pullback.dialects.graph.elementwise.basic import Add, Divide, Multiply, Negative
from pullback.dialects.graph.elementwise.exponential import Log
from pullback.dialects.ir.source import parse
from pullback.driver.checking.measured_rounding import numbers
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.tests.driver.checking.rewritten import THREE, Rewrite, checked


def add_the_last_two_first(op: Operation) -> None:
    """(a + b) + c becomes a + (b + c)."""
    if isinstance(op, func.ReturnOp):
        block = op.parent_block()
        assert block is not None
        a, b, c = block.args
        inner = Add.create(operands=[b, c], result_types=[b.type])
        outer = Add.create(operands=[a, inner.results[0]], result_types=[a.type])
        block.insert_ops_before([inner, outer], op)
        op.operands[0] = outer.results[0]


@pytest.mark.parametrize(
    ("numbers", "is_rounding"),
    [((1e8, -1e8, 1.0), True), ((1.0, 2.0, 3.0), True), ((1e8, 1.0, -1e8), True)],
)
def test_another_order_is_rounding(numbers: tuple[float, ...], is_rounding: bool) -> None:
    given = {name: np.array([n], np.float32) for name, n in zip("abc", numbers, strict=True)}
    checked(THREE, [Rewrite(add_the_last_two_first)], inputs=given)


def test_what_is_a_little_more_is_not_rounding() -> None:
    def scale(op: Operation) -> None:
        if isinstance(op, func.ReturnOp):
            block = op.parent_block()
            assert block is not None
            made = parse(
                context(), "%s = graph.fill {value = 1.00001 : f32} : tensor<1xf32>"
            ).module.body.block
            (fill,) = made.ops
            fill.detach()
            product = Multiply.create(
                operands=[op.operands[0], fill.results[0]], result_types=[op.operands[0].type]
            )
            block.insert_ops_before([fill, product], op)
            op.operands[0] = product.results[0]

    given = {name: np.array([n], np.float32) for name, n in zip("abc", (1.0, 2.0, 3.0), strict=True)}
    with pytest.raises(ResultChangedError, match="'rewrite' changed a number"):
        checked(THREE, [Rewrite(scale)], inputs=given)
    # Where a sum cancels, as much is lost in rounding it.
    given = {name: np.array([n], np.float32) for name, n in zip("abc", (1e8, -1e8, 1.0), strict=True)}
    checked(THREE, [Rewrite(scale)], inputs=given)


def negate_the_logarithm(op: Operation) -> None:
    """log(x) becomes -log(x): if x is negative, a NaN of the other sign."""
    if isinstance(op, Log):
        block = op.parent_block()
        assert block is not None
        negative = Negative.create(operands=[op.results[0]], result_types=[op.result_types[0]])
        block.insert_op_after(negative, op)
        op.results[0].replace_uses_with_if(negative.results[0], lambda use: use.operation is not negative)


@pytest.mark.parametrize("number", [-2.0, 2.0])
def test_the_sign_of_a_nan_is_open(number: float) -> None:
    """Processors give either sign to a NaN that they make; that of a number is as it is."""
    text = """
    func.func @main(%x: tensor<64xf32>, %y: tensor<64xf32>) -> tensor<64xf32> {
      %l = graph.log %x : tensor<64xf32>
      %s = graph.copysign %y, %l : tensor<64xf32>
      func.return %s : tensor<64xf32>
    }"""
    given = {"x": np.full(64, number, np.float32), "y": np.linspace(1, 2, 64, dtype=np.float32)}
    with pytest.raises(ResultChangedError) if number > 0 else nullcontext():
        checked(text, [Rewrite(negate_the_logarithm)], inputs=given)


def divide_by_less(op: Operation) -> None:
    """a / b becomes a / c."""
    if isinstance(op, Divide):
        block = op.parent_block()
        assert block is not None
        op.operands[1] = block.args[2]


@pytest.mark.parametrize(("ulps", "is_rounding"), [(1, True), (100, False)])
def test_numbers_beside_a_jump(ulps: int, is_rounding: bool) -> None:
    """Each number may take many runs to be rounded across it."""
    text = """
    func.func @main(%a: tensor<256xf32>, %b: tensor<256xf32>, %c: tensor<256xf32>) -> tensor<256xi32> {
      %q = graph.divide %a, %b : tensor<256xf32>
      %i = graph.cast %q : (tensor<256xf32>) -> tensor<256xi32>
      func.return %i : tensor<256xi32>
    }"""
    below = np.float32(2 - ulps * 2.0**-23)
    given = {
        name: np.full(256, number, np.float32) for name, number in (("a", below), ("b", 1), ("c", below / 2))
    }
    with nullcontext() if is_rounding else pytest.raises(ResultChangedError):
        checked(text, [Rewrite(divide_by_less)], inputs=given)


@pytest.mark.filterwarnings("error")
def test_signaling_nans_are_numbers_like_others() -> None:
    """A kernel whose store a pass took away leaves memory as it was."""
    values = np.array([0x7F800001, 0x3F800000], np.uint32).view(np.float32)
    converted = numbers(values)
    assert converted.dtype == np.float64
    np.testing.assert_array_equal(converted, [np.nan, 1.0])
