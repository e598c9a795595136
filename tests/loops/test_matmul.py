"""Matmul kernels: all transposes, edges of blocks, fused operations (epilogues)."""

from __future__ import annotations

import re

import numpy as np
import pytest
from xdsl.dialects import func, memref, scf
from xdsl.dialects.builtin import MemRefType, f32

import pullback as pb
from pullback.dialects.graph.elementwise.basic import Maximum
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products import (
    block_sums,
    large_product,
    operand_reading,
    panel_fetch,
    product_plan,
)
from pullback.passes.loops.products.panel_vectors import panel_vectors
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.vector_registers import last_width, product_tile
from pullback.tests.loops.kernel_cases import check, kernel_function, lowered, sample, schedule

SIZES = [
    (1, 1, 1),
    (7, 5, 9),
    (13, 17, 33),
    (40, 20, 70),
    (3, 0, 4),
    (1, 0, 1),
    (64, 10, 1),
    (1, 33, 20),
    (0, 3, 4),
    (4, 3, 0),
]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("transposes", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize(("dtype", "bits"), [("f32", 256), ("f64", 512)])
def test_products(size: tuple[int, int, int], transposes: tuple[bool, bool], dtype: str, bits: int) -> None:
    m, k, n = size
    a, b = transposes
    arrays = [sample((k, m) if a else (m, k), dtype), sample((n, k) if b else (k, n), dtype, 1)]
    check(schedule("matmul", (m, n), (k,)), arrays, lambda x, y: [MatMul.product(x, y, a, b)], bits=bits)


BATCHES = [
    ((5, 7, 9), (5, 9, 11)),
    ((5, 7, 9), (9, 11)),
    ((7, 9), (5, 9, 11)),
    ((2, 1, 7, 9), (3, 9, 33)),
    ((2, 3, 40, 9), (2, 1, 9, 70)),
    ((6, 1, 9), (9, 5)),
    ((1, 1, 9), (1, 9, 5)),
    ((2, 3, 1, 9), (2, 3, 9, 1)),
    ((0, 3, 4), (4, 5)),
    ((2, 3, 0), (2, 0, 5)),
    ((5, 1, 0), (5, 0, 1)),
]


@pytest.mark.parametrize("shapes", BATCHES, ids=str)
@pytest.mark.parametrize("transposes", [(False, False), (False, True), (True, False), (True, True)], ids=str)
def test_batches(shapes: tuple[tuple[int, ...], tuple[int, ...]], transposes: tuple[bool, bool]) -> None:
    """Batches broadcast, with what rides on the products."""
    turned = [(*s[:-2], s[-1], s[-2]) if t else s for s, t in zip(shapes, transposes, strict=True)]
    arrays = [sample(s, "f32", i) for i, s in enumerate(turned)]
    batch = np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2])
    m, k, n = *shapes[0][-2:], shapes[1][-1]

    def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        return [Maximum.of(MatMul.product(x, y, *transposes) + bias, 0)]

    check(schedule("matmul", (*batch, m, n), (k,)), [*arrays, sample((n,), "f32", 2)], body)


@pytest.mark.parametrize("terms", [12, 130])
def test_epilogue(terms: int) -> None:
    """Bias, activation and its mask are computed where the product is stored, of long sums by way of memory."""

    def body(x: Tensor, w: Tensor, bias: Tensor, scale: Tensor) -> list[Tensor]:
        y = MatMul.product(x, w) * scale + bias
        return [Maximum.of(y, 0), y > 0, y]

    arrays = [sample((19, terms)), sample((terms, 21)), sample((21,)), sample((19, 1))]
    check(schedule("matmul", (19, 21), (terms,)), arrays, body)


def test_prologue() -> None:
    """Operands that are computed as they are read."""

    def body(x: Tensor, w: Tensor) -> list[Tensor]:
        return [MatMul.product(Tanh.of(x), w * 2, False, True)]

    check(schedule("matmul", (34, 21), (12,)), [sample((34, 12)), sample((21, 12))], body)


@pytest.mark.parametrize("terms", [6, 130])
@pytest.mark.parametrize("tile", [(), (4, 8)], ids=str)
def test_update_in_place(tile: tuple[int, ...], terms: int) -> None:
    """Each element is updated once, also where the last blocks of rows overlap."""

    def body(w: Tensor, x: Tensor, dy: Tensor) -> list[Tensor]:
        return [w - MatMul.product(x, dy, True, False) * 0.5]

    arrays = [sample((9, 21)), sample((terms, 9)), sample((terms, 21))]
    check(schedule("matmul", (9, 21), (terms,), tile=tile), arrays, body, in_place={0: 0})


@pytest.mark.parametrize("transposes", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize("size", [(1, 37, 13), (37, 1, 13), (2, 70, 7), (11, 19, 2)], ids=str)
def test_few_rows_or_columns(size: tuple[int, int, int], transposes: tuple[bool, bool]) -> None:
    """Sums along both operands, and rows as lanes, with what rides on them."""
    k, m, n = size[1], size[0], size[2]
    a, b = transposes
    arrays = [
        sample((k, m) if a else (m, k)),
        sample((n, k) if b else (k, n), "f32", 1),
        sample((n,), "f32", 2),
    ]

    def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        return [Maximum.of(MatMul.product(x, y, a, b) + bias, 0)]

    check(schedule("matmul", (m, n), (k,)), arrays, body)


@pytest.mark.parametrize("transposes", [(False, False), (True, True)], ids=str)
def test_many_terms(transposes: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of terms, of which the last is shorter, are added up in f64; an even number of terms two by two."""
    monkeypatch.setattr(product_plan, "MANY_PRODUCTS", 0)
    a, b = transposes
    m, k, n = 5, 2050 if a else 2051, 19
    arrays = [sample((k, m) if a else (m, k)), sample((n, k) if b else (k, n), "f32", 1)]
    kernel = schedule("matmul", (m, n), (k,))
    check(kernel, arrays, lambda x, y: [MatMul.product(x, y, a, b)], bits=512)


@pytest.mark.parametrize("transposes", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize(("dtype", "bits"), [("f32", 512), ("f64", 256)])
def test_blocks_of_terms_are_resumed(
    transposes: tuple[bool, bool], dtype: str, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sums so far are where the result will be: with masks, rows that two panels share, and a last block.

    An even number of terms is summed up two by two.
    """
    for module, name, value in (
        (product_plan, "LARGE_ROWS", 0),
        (product_plan, "SMALL_OPERAND", 0),
        (operand_reading, "SMALL_OPERAND", 0),
        (product_plan, "MANY_PRODUCTS", 0),
        (large_product, "LINE_BYTES", 160),
        (large_product, "RESUMED_BYTES", 6000),
    ):
        monkeypatch.setattr(module, name, value)
    for module in (block_sums, panel_fetch):
        monkeypatch.setattr(module, "CHUNK", 16)
    m, k, n = 17, 45 if dtype == "f32" else 46, 21
    a, b = transposes
    x, y = sample((k, m) if a else (m, k), dtype), sample((n, k) if b else (k, n), dtype, 1)

    def both(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        sums = MatMul.product(Tanh.of(x), y, a, b) + bias
        return [sums > 0, Maximum.of(sums, 0)]

    def update(x: Tensor, y: Tensor, w: Tensor) -> list[Tensor]:
        return [w - MatMul.product(x, y, a, b) * 0.5]

    kernel = schedule("matmul", (m, n), (k,))
    check(kernel, [x, y, sample((n,), dtype, 2)], both, bits=bits)
    check(kernel, [x, y, sample((m, n), dtype, 2)], update, bits=bits, in_place={0: 2})


@pytest.mark.parametrize(
    ("extents", "copied"),
    [
        ((17, 512, 512), False),
        ((32, 500, 300), False),
        ((32, 512, 300), True),
        ((64, 500, 300), True),
        ((17, 1024, 600), True),
    ],
    ids=str,
)
def test_few_rows_are_multiplied_in_place(extents: tuple[int, int, int], copied: bool) -> None:
    """Columns are copied for many rows, or where their terms lie in few sets of the first cache."""
    m, n, k = extents
    arrays = [np.empty(shape, np.float32) for shape in ((m, k), (k, n))]
    kernel = schedule("matmul", (m, n), (k,))
    _, module = lowered(kernel_function(kernel, arrays, lambda x, y: [MatMul.product(x, y)])[1], 512, {})
    stack = [op.memref.name_hint or "" for op in module.walk() if isinstance(op, memref.AllocaOp)]
    assert any(name.startswith("panel") for name in stack) == copied


@pytest.mark.parametrize("block", [12, 5])
@pytest.mark.parametrize("transposes", [(False, False), (True, True)], ids=str)
def test_last_panel_of_fewer_vectors(
    transposes: tuple[bool, bool], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that end within a vector or with it, in one block, or in blocks of terms and two blocks of columns."""
    for module in (product_plan, operand_reading):
        monkeypatch.setattr(module, "K_BLOCK", block)
    (a, b), terms = transposes, 12
    for n in (100, 112):
        x, y = sample((terms, 9) if a else (9, terms)), sample((n, terms) if b else (terms, n), "f32", 1)
        kernel = schedule("matmul", (9, n), (terms,), tile=(5, 32))

        def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
            return [Maximum.of(MatMul.product(x, y, a, b) + bias, 0)]

        arrays = [x, y, sample((n,), "f32", 2)]
        check(kernel, arrays, body, bits=512)
        _, module = lowered(kernel_function(kernel, arrays, body)[1], 512, {})
        sums = {result.type for op in module.walk() if isinstance(op, scf.ForOp) for result in op.results}
        assert {vector_type(f32, 5, 32), vector_type(f32, 5, 16)} <= sums


@pytest.mark.parametrize(
    ("registers", "widths"), [(1, [4]), (2, [8]), (3, [8, 4]), (4, [16]), (7, [16, 8, 4])]
)
def test_vectors_of_several_registers(registers: int, widths: list[int]) -> None:
    """A row's sums are vectors of powers of two of registers, in order, or those of all rows one matrix."""
    assert [width for _, width in panel_vectors(registers, 4)] == widths
    n = 3 * 4 * registers - 1
    arrays = [sample((6, 9)), sample((9, n), "f32", 1)]
    kernel = schedule("matmul", (6, n), (9,), tile=(2, 4 * registers))

    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [MatMul.product(x, y)]

    check(kernel, arrays, body, bits=128)
    _, module = lowered(kernel_function(kernel, arrays, body)[1], 128, {})
    sums = {tuple(r.type for r in op.results) for op in module.walk() if isinstance(op, scf.ForOp)}
    rows = (
        [vector_type(f32, width) for width in widths * 2]
        if len(widths) > 1
        else [vector_type(f32, 2, *widths)]
    )
    assert (*rows,) in sums


def test_blocks_of_results_are_nearly_full() -> None:
    """The last panel has what is left, unless that is next to nothing of all, and rows are as equal as can be."""
    assert (
        last_width(7, 2) == 1 and last_width(13, 4) == 1 and last_width(63, 2) == 2 and last_width(3, 4) == 4
    )
    for size in (80, 96, 100, 112, 128):
        height, width = product_tile(size, size, size, 16, 512)
        vectors = -(-size // 16)
        computed = (
            -(-size // height) * height * (-(-vectors // width) * width - width + last_width(vectors, width))
        )
        assert width > 1 and computed <= 1.05 * size * vectors


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_large_products(dtype: str) -> None:
    """As precise as a chain of 1024 additions, over more terms."""
    m, k, n = 531, 2053, 70
    x, y = sample((k, m), dtype), sample((k, n), dtype, 1)
    with pb.Graph():
        a, b = (pb.placeholder(dtype, v.shape) for v in (x, y))
        step = pb.compile([a, b], [pb.matmul(pb.transpose(a), b)])
    assert "%is_further" in step.ir("loops")
    exact, size = x.astype(np.float64).T @ y.astype(np.float64), np.abs(x).T @ np.abs(y)
    assert (np.abs(step(x, y)[0] - exact) <= 1e-6 * size).all()


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_products_of_many_terms_and_few_results(dtype: str) -> None:
    """The gradient of weights that many rows share: parts of the terms have totals of their own, with edges."""
    m, k, n = 19, 4099, 37
    x, y, w = sample((k, m), dtype), sample((k, n), dtype, 1), sample((m, n), dtype, 2)
    with pb.Graph():
        a, b, c = (pb.placeholder(dtype, v.shape) for v in (x, y, w))
        step = pb.compile([a, b, c], [c - pb.matmul(a, b, transpose_a=True)])
    assert "%part" in step.ir("loops")
    wide = [v.astype(np.float64) for v in (x, y, w)]
    exact, size = wide[2] - wide[0].T @ wide[1], np.abs(wide[0]).T @ np.abs(wide[1]) + np.abs(wide[2])
    assert (np.abs(step(x, y, w)[0] - exact) <= 1e-6 * size).all()


@pytest.mark.parametrize("transposes", [(False, False), (False, True), (True, False), (True, True)], ids=str)
def test_computed_operands_and_long_epilogue(transposes: tuple[bool, bool]) -> None:
    """Both operands are computed while they are copied, and each row of sums goes through memory."""
    a, b = transposes
    m, k, n = 33, 21, 37
    arrays = [
        sample((k, m) if a else (m, k)),
        sample((n, k) if b else (k, n), "f32", 1),
        sample((n,), "f32", 2),
    ]

    def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        sums = MatMul.product(Tanh.of(x), y * 2, a, b) + bias
        return [Maximum.of(Tanh.of(sums * 0.1) * sums, -1) + sums, sums]

    check(schedule("matmul", (m, n), (k,)), arrays, body)


@pytest.mark.parametrize(("dtype", "bits"), [("f32", 256), ("f64", 512)])
def test_squares_are_turned_by_a_function_of_all_kernels(dtype: str, bits: int) -> None:
    """Panels with edges, terms that no square divides, and an operand that is computed."""
    m, k, n = 131, 37, 53

    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [MatMul.product(x, y * 2, False, True)]

    kernel, arrays = schedule("matmul", (m, n), (k,)), [sample((m, k), dtype), sample((n, k), dtype, 1)]
    check(kernel, arrays, body, bits=bits)
    made, module = lowered(kernel_function(kernel, arrays, body)[1], bits, {})
    calls = [op.callee.string_value() for op in module.walk() if isinstance(op, func.CallOp)]
    assert calls == list(made.shared)


def test_kernels_share_the_function_that_turns_squares() -> None:
    """What calls it is spread over threads as before."""
    with pb.Graph():
        x, y, z = (pb.placeholder("f32", shape) for shape in ((512, 256), (256, 256), (512, 256)))
        step = pb.compile([x, y, z], [pb.matmul(pb.tanh(pb.matmul(x, pb.transpose(y))), pb.transpose(z))])
    made, *others = step.ir("loops").split("call @main_transpose_")
    assert made.count("func.func private @main_transpose_") == 1 and len(others) == 2
    callers = [text for text in step.ir("llvm").split("\ndefine ") if "call void @main_transpose_" in text]
    assert len(callers) == 2 and all(".parallel.body(" in text.partition("\n")[0] for text in callers)


def test_products_of_a_batch_that_is_computed() -> None:
    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [MatMul.product(Tanh.of(x), y, False, True)]

    check(schedule("matmul", (2, 3, 17, 18), (9,)), [sample((2, 1, 17, 9)), sample((3, 18, 9))], body)


@pytest.mark.parametrize("transposes", [(False, False), (True, True)], ids=str)
@pytest.mark.parametrize("extents", [(1000, 1000, 1000), (128, 512, 784), (512, 512, 5000)], ids=str)
def test_memory_of_an_iteration(extents: tuple[int, int, int], transposes: tuple[bool, bool]) -> None:
    """An iteration keeps at most half a megabyte on the stack, whatever the shape."""
    m, n, k = extents
    a, b = transposes
    x, y = np.empty((k, m) if a else (m, k), np.float32), np.empty((n, k) if b else (k, n), np.float32)
    _, kernel = kernel_function(
        schedule("matmul", (m, n), (k,)), [x, y], lambda x, y: [MatMul.product(x, y, a, b)]
    )
    _, module = lowered(kernel, 512, {})
    stack = [op.memref.type for op in module.walk() if isinstance(op, memref.AllocaOp)]
    assert 0 < sum(bytes_of(t) for t in stack if isinstance(t, MemRefType)) <= 512 << 10


@pytest.mark.parametrize("tile", [(1, 8), (4, 16), (6, 64)], ids=str)
def test_tile(tile: tuple[int, int]) -> None:
    arrays = [sample((11, 9)), sample((9, 70))]
    check(schedule("matmul", (11, 70), (9,), tile=tile), arrays, lambda x, y: [MatMul.product(x, y)])


def test_rows_as_lanes_have_a_tile_of_their_own() -> None:
    """A column of a product is a row of the transpose: as many sums are under way in both."""
    lanes: list[int] = []
    for m, n in ((512, 1), (1, 512)):
        with pb.Graph():
            x, y = pb.placeholder("f32", (512, m)), pb.placeholder("f32", (512, n))
            step = pb.compile([x, y], [pb.matmul(pb.transpose(x), y)])
        products = re.findall(
            r"vector.outerproduct .* : vector<(\d+)xf32>, vector<(\d+)xf32>", step.ir("loops")
        )
        lanes.append(sum(int(rows) * int(columns) for rows, columns in products))
    column, row = lanes
    assert column == row > 16
