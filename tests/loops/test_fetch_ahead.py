"""What the loops of a convolution fetch ahead: each line that later iterations read, and hardly any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.interpreter import interpreter
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.upstream.prefetch import PrefetchOp
from pullback.passes.loops.products import fetch_ahead, term_parts
from pullback.passes.lowering import long_products
from pullback.tests.loops.kernel_cases import Array, kernel_function, lowered, sample, schedule

LINE = 16
"""Elements of f32 in a line of the cache."""


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> dict[int, set[int]]:
    """The flat indices that programs fetch into the second-level cache, by the elements of the memory."""
    found: dict[int, set[int]] = {}

    def build(compiler: Any, op: PrefetchOp) -> Callable[[dict[int, Any]], None]:
        source, *indices = compiler.slots(op.operands)

        def run(environment: dict[int, Any]) -> None:
            if op.locality.value.data == fetch_ahead.SECOND_LEVEL:
                data = environment[source].data
                strides = np.array(data.strides) // data.itemsize
                at = sum(
                    int(environment[i]) * int(stride) for i, stride in zip(indices, strides, strict=True)
                )
                found.setdefault(data.size, set()).add(at)

        return run

    monkeypatch.setitem(vars(interpreter)["_BUILDERS"], "memref.prefetch", build)
    monkeypatch.setattr(fetch_ahead, "SECOND_CACHE", 0)
    return found


def run(parallel: tuple[int, ...], reduce: tuple[int, ...], maps: str, arrays: list[Array]) -> None:
    """Interprets a contraction; `maps` names the dims of the result, the reduced ones, and those of both operands."""
    dims, first, second = maps.split(" -> ")
    named = {name: Affine.dim(len(dims), at) for at, name in enumerate(dims)}

    def position(text: str) -> tuple[Affine, ...]:
        found = [
            sum((named[name] for name in axis), Affine.dim(len(dims), 0) * 0) for axis in text.split(",")
        ]
        return tuple(found)

    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [Contract.at((x, y), (position(first), position(second)), parallel, reduce)]

    _, kernel = kernel_function(schedule("matmul", parallel, reduce), arrays, body)
    made, module = lowered(kernel, 512, {})
    assert isinstance(module, ModuleOp)
    sizes = {"input": lambda number: arrays[number]}
    buffers = [
        sizes[kind](int(number)).reshape(type_.get_shape())
        if kind in sizes
        else np.ones(type_.get_shape(), np.float64 if str(type_.element_type) == "f64" else np.float32)
        for (kind, number), type_ in made.arguments
    ]
    interpreter.interpret(module, buffers)


def lines(elements: set[int]) -> set[int]:
    """The lines of the cache that a fetch of these elements brings, where memory begins with a line."""
    return {at // LINE for at in elements}


def test_each_image_is_fetched_during_the_one_before(fetched: dict[int, set[int]]) -> None:
    arrays = [sample((17, 8, 8, 4)), sample((3, 3, 4, 16))]
    run((17, 6, 6, 16), (3, 3, 4), "nhwoijc -> n,hi,wj,c -> i,j,c,o", arrays)
    image, size = 8 * 8 * 4, 17 * 8 * 8 * 4
    assert list(fetched) == [size]
    assert lines(fetched[size]) >= set(range(image // LINE, size // LINE))
    assert min(fetched[size]) >= image
    assert max(fetched[size]) < size + 1.1 * image


def test_each_row_is_fetched_where_images_are_few(fetched: dict[int, set[int]]) -> None:
    arrays = [sample((2, 34, 18, 16)), sample((3, 1, 16, 16))]
    run((2, 32, 16, 16), (3, 1, 16), "nhwoijc -> n,hi,wj,c -> i,j,c,o", arrays)
    (size,) = fetched
    row = 18 * 16
    assert lines(fetched[size]) >= set(range(3 * row // LINE, 34 * row // LINE))
    assert min(fetched[size]) == 2 * row + 16 * 16, "the first windows read so far"


def test_parts_of_terms_fetch_both_operands(
    fetched: dict[int, set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (term_parts, long_products):
        monkeypatch.setattr(module, "BLOCK_BYTES", 4096)
    arrays = [sample((3, 10, 10, 4)), sample((3, 8, 8, 16))]
    run((3, 3, 4, 16), (3, 8, 8), "ijconhw -> n,hi,wj,c -> n,h,w,o", arrays)
    assert set(fetched) == {array.size for array in arrays}
    for size, at in fetched.items():
        assert lines(at) >= set(range(size // 3 // LINE + 1, size // LINE))


def test_what_fits_into_the_cache_is_not_fetched(
    fetched: dict[int, set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_ahead, "SECOND_CACHE", 1 << 20)
    run(
        (17, 6, 6, 16),
        (3, 3, 4),
        "nhwoijc -> n,hi,wj,c -> i,j,c,o",
        [sample((17, 8, 8, 4)), sample((3, 3, 4, 16))],
    )
    assert not fetched


def test_images_of_which_little_is_read_are_not_fetched(fetched: dict[int, set[int]]) -> None:
    arrays = [sample((17, 65, 8, 4)), sample((1, 3, 4, 16))]
    run((17, 4, 6, 16), (1, 3, 4), "nhwoijc -> n,hhhhhhhhhhhhhhhhi,wj,c -> i,j,c,o", arrays)
    assert not fetched
