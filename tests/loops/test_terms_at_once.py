"""Terms of a product that a trip of its loop sums up at once."""

from __future__ import annotations

import pytest

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.upstream.outer_product import OuterProductOp
from pullback.passes.loops.products import product_plan
from pullback.tests.loops.kernel_cases import kernel_function, lowered, sample, schedule


@pytest.mark.parametrize(
    ("tile", "bits", "terms_at_once"), [((14, 32), 512, 1), ((12, 32), 512, 2), ((6, 16), 256, 1)]
)
def test_two_terms_at_once_where_registers_are_left(
    tile: tuple[int, int], bits: int, terms_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_plan, "MANY_PRODUCTS", 0)
    rows = 2 * tile[0]
    arrays = [sample((rows, 90)), sample((90, 64), "f32", 1)]
    kernel = schedule("matmul", (rows, 64), (90,), tile=tile)
    _, module = lowered(kernel_function(kernel, arrays, lambda x, y: [MatMul.product(x, y)])[1], bits, {})
    products = [op.result.type.get_shape() for op in module.walk() if isinstance(op, OuterProductOp)]
    assert products == [tile] * terms_at_once
