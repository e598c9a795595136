"""Many rows scattered into a tensor of no rows: scratch memory of no bytes has a place all the same."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.tests.targets import NAMES

TEXT = """
func.func @main(%g: tensor<70x5xf32>, %i: tensor<70xi32>) -> tensor<0x5xf32> {
  %y = graph.kernel %g, %i schedule<kind = scatter, parallel = [70, 5]>
      : (tensor<70x5xf32>, tensor<70xi32>) -> tensor<0x5xf32> {
  ^bb0(%0: tensor<70x5xf32>, %1: tensor<70xi32>):
    %2 = graph.make_slices %0, %1
        : (tensor<70x5xf32>, tensor<70xi32>) -> !graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<0x5xf32>>
    %3 = graph.densify %2
        : (!graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<0x5xf32>>) -> tensor<0x5xf32>
    graph.yield %3 : tensor<0x5xf32>
  }
  func.return %y : tensor<0x5xf32>
}
"""


@pytest.mark.parametrize("target", NAMES)
def test_no_rows_to_add_to(target: str) -> None:
    run = compile_function(parse(context(), TEXT).module, target)
    (result,) = run([np.ones((70, 5), np.float32), np.zeros(70, np.int32)], {})
    assert result.shape == (0, 5)
