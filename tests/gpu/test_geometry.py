"""Launch geometry of large programs, which are lowered and never run: blocks enough, and little scratch memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod
from typing import Any

import pytest
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, MemRefType, ModuleOp
from xdsl.ir import SSAValue

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.upstream.gpu import LaunchFuncOp

LARGE = 1 << 20
"""The elements that a kernel touches from which on it must keep a large device busy."""
BLOCKS = 128

Build = Callable[[], tuple[list[Any], list[Any]]]


def of(shape: tuple[int, ...], compute: Callable[[Any], Any]) -> Build:
    """A program of one argument."""

    def build() -> tuple[list[Any], list[Any]]:
        x = pb.placeholder("f32", shape)
        made = compute(x)
        return [x], list(made) if isinstance(made, (list, tuple)) else [made]

    return build


def layer_norm(rows: int, columns: int, dtype: str) -> Build:
    def build() -> tuple[list[Any], list[Any]]:
        x, scale, shift = (pb.placeholder(dtype, s) for s in ((rows, columns), (columns,), (columns,)))
        return [x, scale, shift], [pb.layer_norm(x, scale, shift)]

    return build


def layer_norm_gradient(rows: int, columns: int) -> Build:
    def build() -> tuple[list[Any], list[Any]]:
        x, g = pb.placeholder("f32", (rows, columns)), pb.placeholder("f32", (rows, columns))
        scale, shift = pb.placeholder("f32", (columns,)), pb.placeholder("f32", (columns,))
        y = pb.layer_norm(x, scale, shift)
        return [x, scale, shift, g], pb.gradients(y, [x, scale, shift], grad_ys=[g])

    return build


def cross_entropy(rows: int, columns: int) -> Build:
    def build() -> tuple[list[Any], list[Any]]:
        x, label = pb.placeholder("f32", (rows, columns)), pb.placeholder("i32", (rows,))
        loss = pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=label, logits=x))
        return [x, label], [loss, *pb.gradients(loss, [x])]

    return build


PROGRAMS: dict[str, Build] = {
    "sum of 2^28": of((1 << 28,), lambda x: pb.sum(x * x)),
    "softmax 32768 x 4096": of((32768, 4096), pb.softmax),
    "softmax 1000000 x 8": of((1_000_000, 8), pb.softmax),
    "softmax 4 x 1000000": of((4, 1_000_000), pb.softmax),
    "softmax 4000 x 8192": of((4000, 8192), pb.softmax),
    "softmax 100 x 20000": of((100, 20_000), pb.softmax),
    "column sums 65536 x 4096": of((65536, 4096), lambda x: pb.sum(x, axis=0)),
    "column sums 1000000 x 16": of((1_000_000, 16), lambda x: pb.sum(x, axis=0)),
    "column sums 1100 x 1000": of((1100, 1000), lambda x: pb.sum(x, axis=0)),
    "column softmax 100000 x 40": of((100_000, 40), lambda x: pb.softmax(x, axis=0)),
    "both sums 20000 x 300": of((20_000, 300), lambda x: (pb.sum(x, axis=0), pb.sum(x, axis=1), pb.sum(x))),
    "layer norm 1000 x 2000 of f64": layer_norm(1000, 2000, "f64"),
    "layer norm gradient 32768 x 4096": layer_norm_gradient(32768, 4096),
    "layer norm gradient 200000 x 32": layer_norm_gradient(200_000, 32),
    "layer norm gradient 300 x 50000": layer_norm_gradient(300, 50_000),
    "batch moments 256 x 32 x 32 x 64": of((256, 32, 32, 64), lambda x: pb.moments(x, (0, 1, 2))),
    "cross entropy 500000 x 10": cross_entropy(500_000, 10),
}
MOST_ARENA = 10_000_000
"""Scratch memory, unless it is at most half of what is read."""


def lowered(build: Build) -> tuple[ModuleOp, int]:
    """The program at level `gpu`, and the bytes of its arena."""
    with pb.Graph():
        inputs, outputs = build()
        step = pb.compile(inputs, outputs, target="simt")
    text = step.ir("gpu", [tuple(value.shape) for value in inputs])
    arena = re.search(r"%arena: memref<(\d+)xi8>", text)
    return parse(context(), text).module, int(arena[1]) if arena else 0


def launches(module: ModuleOp) -> list[tuple[str, int, int, int]]:
    """Of each launch: the kernel, its blocks and threads, and the elements of its largest argument."""
    found: list[tuple[str, int, int, int]] = []
    for op in module.walk():
        if isinstance(op, LaunchFuncOp):
            assert all(number(v) == 1 for v in (*op.grid[1:], *op.block[1:]))
            elements = max(prod(v.type.get_shape()) for v in op.operands if isinstance(v.type, MemRefType))
            found.append((op.kernel.string_value(), number(op.grid[0]), number(op.block[0]), elements))
    return found


def number(value: SSAValue) -> int:
    """A constant."""
    assert isinstance(value.owner, arith.ConstantOp)
    assert isinstance(value.owner.value, IntegerAttr)
    return value.owner.value.value.data


@pytest.mark.parametrize("name", PROGRAMS)
def test_blocks_and_scratch_memory(name: str) -> None:
    module, arena = lowered(PROGRAMS[name])
    found = launches(module)
    print(name, f"arena {arena / 1e6:.1f} MB", *found, sep="\n  ")
    assert found
    for kernel, blocks, threads, elements in found:
        assert blocks < 1 << 31
        assert elements <= LARGE or blocks >= BLOCKS, f"{kernel}: {blocks} blocks for {elements} elements"
        assert threads % 32 == 0
    largest = max(elements for *_, elements in found)
    assert arena <= max(MOST_ARENA, largest * 4 // 2)
