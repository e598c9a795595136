"""Programs that are at level `kernels` already: edits in them are kept."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.program import Program, compile_function

SOURCE = """
func.func @main(%x: tensor<8x5xf32>, %v: tensor<5x20xf32>) -> (tensor<8x20xf32>, tensor<8xf32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %b = graph.read %w : (!graph.ref<tensor<20xf32>>) -> tensor<20xf32>
  %p = graph.matmul %x, %v : (tensor<8x5xf32>, tensor<5x20xf32>) -> tensor<8x20xf32>
  %a = graph.add %p, %b : (tensor<8x20xf32>, tensor<20xf32>) -> tensor<8x20xf32>
  %e = graph.exp %a : tensor<8x20xf32>
  %s = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<8x20xf32>) -> tensor<8x1xf32>
  %y = graph.divide %e, %s : (tensor<8x20xf32>, tensor<8x1xf32>) -> tensor<8x20xf32>
  %m = graph.max %y {axes = array<i64: 1>} : (tensor<8x20xf32>) -> tensor<8xf32>
  %d = graph.sum %y {axes = array<i64: 0>} : (tensor<8x20xf32>) -> tensor<20xf32>
  graph.assign_sub %w, %d : !graph.ref<tensor<20xf32>>, tensor<20xf32>
  func.return %y, %m : tensor<8x20xf32>, tensor<8xf32>
}
"""


def program(text: str, target: str) -> Program:
    return compile_function(parse(context(), text).module, target)


def run(compiled: Program) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    x, v, w = (rng.normal(size=shape).astype(np.float32) for shape in ((8, 5), (5, 20), (20,)))
    return [*compiled([x, v], {"w": w}), w]


def edited(text: str) -> str:
    text = re.sub(r"vector = \d+", "vector = 8", text)
    text = re.sub(r"unroll = \d+", "unroll = 2", text)
    text = re.sub(r"tile = \[[^]]*\]", "tile = [3, 16]", text)
    # The arena in another order.
    return text.replace("<arena, 640>", "<arena, 0>").replace(
        "memory = [#graph.buffer<arena, 0>]", "memory = [#graph.buffer<arena, 128>]"
    )


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_an_edited_text_computes_the_same(target: str) -> None:
    text = edited(program(SOURCE, "cpu").ir("kernels"))
    for got, expected in zip(run(program(text, target)), run(program(SOURCE, "numpy")), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_what_was_edited_is_what_is_lowered() -> None:
    text = edited(program(SOURCE, "cpu").ir("kernels"))
    assert "<arena, 128>" in text
    compiled = program(text, "cpu")
    assert compiled.ir("kernels") == text
    functions = compiled.ir("loops").split("func.func")
    products = [
        text for text in functions if "vector<3x16xf32>" in text
    ]  # a tile, whose rows are two registers
    others = [text for text in functions if text not in products]
    assert len(products) == 1
    assert any("vector<8xf32>" in text for text in others)
    assert not any("vector<16xf32>" in text for text in others)


def test_kernels_without_a_plan_get_one() -> None:
    text = re.sub(r" \{memory = \[[^]]*\]\}", "", program(SOURCE, "cpu").ir("kernels"))
    text = re.sub(r" attributes \{graph.arena = \d+ : i64\}", "", text)
    for got, expected in zip(run(program(text, "cpu")), run(program(SOURCE, "numpy")), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
