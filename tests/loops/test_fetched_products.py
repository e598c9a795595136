"""Matmul kernels that fetch ahead: columns, the next matrices of a batch, and what results are made of."""

from __future__ import annotations

import pytest

from pullback.dialects.graph.elementwise.basic import Maximum
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.upstream.prefetch import PrefetchOp
from pullback.passes.loops.products import next_matrix, operand_reading
from pullback.tests.loops.kernel_cases import check, kernel_function, lowered, sample, schedule


@pytest.mark.parametrize("size", [(17, 33, 37), (8, 32, 70), (30, 47, 17)], ids=str)
@pytest.mark.parametrize(("dtype", "bits"), [("f32", 512), ("f64", 256)])
def test_columns_are_fetched_ahead(
    size: tuple[int, int, int], dtype: str, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one panel of rows and of several, with edges; nothing is fetched for fewer terms than that is ahead."""
    monkeypatch.setattr(operand_reading, "SMALL_OPERAND", 0)
    m, k, n = size

    def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        return [Maximum.of(MatMul.product(x, y) + bias, 0)]

    for terms, ahead in ((k, True), (31, False)):
        kernel = schedule("matmul", (m, n), (terms,), tile=(10, 16))
        arrays = [sample((m, terms), dtype), sample((terms, n), dtype, 1), sample((n,), dtype, 2)]
        check(kernel, arrays, body, bits=bits)
        _, module = lowered(kernel_function(kernel, arrays, body)[1], bits, {})
        assert any(isinstance(op, PrefetchOp) for op in module.walk()) == ahead


@pytest.mark.parametrize("shapes", [((5, 9, 17), (5, 17, 40)), ((2, 3, 9, 17), (2, 3, 17, 40))], ids=str)
@pytest.mark.parametrize("transposes", [(False, False), (True, True)], ids=str)
def test_next_matrices_of_a_batch_are_fetched(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    transposes: tuple[bool, bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of both operands and of the result, also past the last one, where there is none."""
    turned = [(*s[:-2], s[-1], s[-2]) if t else s for s, t in zip(shapes, transposes, strict=True)]
    arrays = [sample(s, "f32", i) for i, s in enumerate([*turned, (40,)])]
    kernel = schedule("matmul", (*shapes[0][:-2], 9, 40), (17,))

    def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        return [Maximum.of(MatMul.product(x, y, *transposes) + bias, 0)]

    def fetched() -> int:
        _, module = lowered(kernel_function(kernel, arrays, body)[1], 256, {})
        return sum(isinstance(op, PrefetchOp) for op in module.walk())

    assert fetched() == 0
    monkeypatch.setattr(next_matrix, "SECOND_CACHE", 0)
    assert fetched() >= 3
    check(kernel, arrays, body, bits=256)


def test_what_results_are_made_of_is_fetched() -> None:
    """A large matrix beside a product, and the place of the results, row by row in the lines of a block's columns."""

    def body(x: Tensor, y: Tensor, z: Tensor, scale: Tensor) -> list[Tensor]:
        return [MatMul.product(x, y) * scale + z]

    def fetched(m: int, n: int, k: int) -> dict[str, int]:
        arrays = [sample((m, k)), sample((k, n)), sample((m, n)), sample((m, 1))]
        _, kernel = kernel_function(schedule("matmul", (m, n), (k,), tile=(4, 32)), arrays, body)
        _, module = lowered(kernel, 512, {})
        found = [str(op.memref.name_hint) for op in module.walk() if isinstance(op, PrefetchOp)]
        return {name: found.count(name) for name in found}

    assert fetched(160, 128, 64) == {"input2": 2, "output0": 2}
    assert not fetched(160, 128, 48) and not fetched(80, 64, 64)
