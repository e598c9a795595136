"""What functions are run on is drawn by type, position and name: the same at every level."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.ir.source import parse
from pullback.driver.checking.drawn_inputs import draw_inputs
from pullback.driver.checking.points import POSITIVE
from pullback.driver.run_pipeline import lowered, main_function

PROGRAM = """
func.func @main(%x: tensor<2x3xf32>, %t: tensor<4xi1>, %z: tensor<2xcomplex<f64>>) -> tensor<2x3xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  %v = graph.read %w : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %y = graph.multiply %x, %v : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  func.return %y : tensor<2x3xf32>
}
"""


@pytest.mark.parametrize("pipeline", ["kernels", "kernels,loops", "kernels,gpu"])
def test_each_level_gets_the_same(pipeline: str) -> None:
    module = parse(context(), PROGRAM).module
    above = draw_inputs(main_function(module))
    below = draw_inputs(main_function(lowered(module, pipeline)))
    assert len(below.arguments) == 3
    np.testing.assert_array_equal(below.arguments[0], above.arguments[0])
    np.testing.assert_array_equal(below.variables["w"], above.variables["w"])


def test_types_ranges_and_seeds() -> None:
    function = main_function(parse(context(), PROGRAM).module)
    x, t, z = draw_inputs(function).arguments
    assert (x.dtype, t.dtype, z.dtype) == (np.float32, np.bool_, np.complex128)
    assert x.min() < 0 < x.max()
    assert (draw_inputs(function, between=POSITIVE).arguments[0] >= 0.5).all()
    assert not np.array_equal(draw_inputs(function, seed=1).arguments[0], x)
    given = draw_inputs(function, arguments={"x": 2 * x}, variables={"w": np.ones(3, np.float32)})
    np.testing.assert_array_equal(given.arguments[0], 2 * x)
    np.testing.assert_array_equal(given.arguments[2], z)
    np.testing.assert_array_equal(given.variables["w"], [1, 1, 1])


def test_variables_of_functions_that_are_called_and_slices() -> None:
    text = """
func.func @main(%s: !graph.slices<tensor<?x3xf32>, tensor<?xi32>, tensor<5x3xf32>>) {
  func.call @read() : () -> ()
  func.return
}
func.func private @read() {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  func.return
}
"""
    inputs = draw_inputs(main_function(parse(context(), text).module), extent=4)
    (slices,) = inputs.arguments
    assert isinstance(slices, SlicesValue)
    assert slices.values.shape == (4, 3) and slices.dense_shape == (5, 3)
    assert inputs.variables["w"].shape == (3,)
    copies = inputs.copies()
    copies.variables["w"][...] = 7
    copies.arguments[0].values[...] = 7
    assert not (inputs.variables["w"] == 7).any() and not (slices.values == 7).any()


def test_functions_have_variables_of_their_own() -> None:
    text = """
func.func @other() {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  func.return
}
func.func @main() {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<f32>>
  func.return
}
"""
    assert draw_inputs(main_function(parse(context(), text).module)).variables["w"].shape == ()
