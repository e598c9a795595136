"""Reading text: what xDSL's parser gets wrong and ours must not."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.creation import Constant, elements
from pullback.dialects.source import parse
from pullback.dialects.text import print_module


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
