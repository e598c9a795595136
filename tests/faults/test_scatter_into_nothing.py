"""Many rows scattered into a tensor of no rows: the sums need scratch memory of no bytes, which has a place all the same."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.tests.targets import NAMES

TEXT = """
func.func @main(%g: tensor<70x5xf32>, %i: tensor<70xi32>) -> tensor<0x5xf32> {
  %s = graph.make_slices %g, %i
      : (tensor<70x5xf32>, tensor<70xi32>) -> !graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<0x5xf32>>
  %y = graph.densify %s
      : (!graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<0x5xf32>>) -> tensor<0x5xf32>
  func.return %y : tensor<0x5xf32>
}
"""


@pytest.mark.parametrize("target", NAMES)
def test_no_rows_to_add_to(target: str) -> None:
    run = compile_function(parse(context(), TEXT).module, target)
    (result,) = run([np.ones((70, 5), np.float32), np.zeros(70, np.int32)], {})
    assert result.shape == (0, 5)
