"""Parsing text: cases that xDSL's parser gets wrong and ours must not."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.utils.exceptions import ParseError

from pullback.dialects.context import context
from pullback.dialects.graph.creation.constants import Constant, elements
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_infinities_and_nan_survive_text(dtype: str) -> None:
    values = np.array([np.inf, -np.inf, np.nan, -0.0, 1.5], np.dtype(dtype.replace("f", "float")))
    attribute = elements(values)
    text = f"func.func @main() {{\n  %c = graph.constant {attribute}\n  func.return\n}}"
    module = parse(context(), text).module
    (constant,) = (op for op in module.walk() if isinstance(op, Constant))
    np.testing.assert_array_equal(constant.array(), values)
    assert np.signbit(constant.array()[3])
    again = print_module(module)
    assert print_module(parse(context(), again).module) == again


@pytest.mark.parametrize("generic", [False, True])
@pytest.mark.parametrize(
    "op",
    [
        "func.func @main() {{\n  %c = graph.constant {} : tensor<2x2xf32>\n  func.return\n}}",
        'memref.global "private" constant @c : memref<2x2xf32> = {}',
        "%c = arith.constant {} : vector<2x2xf32>",
    ],
)
def test_zeros_of_both_signs_survive_text(op: str, generic: bool) -> None:
    module = parse(context(), op.format("dense<[[0.0, -0.0], [-0.0, 0.0]]>")).module
    module = parse(context(), print_module(module, generic=generic)).module
    (values,) = (
        value.data.data
        for op in module.walk()
        for value in op.properties.values()
        if isinstance(value, DenseIntOrFPElementsAttr)
    )
    np.testing.assert_array_equal(np.signbit(np.frombuffer(values, np.float32)), [False, True, True, False])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("func.func @main() {\n  func.return\n", "the text ends inside a region: a '}' is missing"),
        ("func.func @main() {\n  3\n}", "expected an operation or '}'"),
    ],
)
def test_what_a_region_lacks(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse(context(), text)
