"""Cases of `replace_rows` and `unique`."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows, Unique
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case


def replaced(base: Tensor, rows: Tensor, indices: Tensor) -> Tensor:
    return ReplaceRows.of(base, MakeSlices.make(rows, indices, base))


def replaced_one_by_one(base: Any, rows: Any, indices: Any) -> Any:
    result = base.copy()
    for row, index in zip(rows, indices, strict=True):
        if 0 <= index < len(result):
            result[index] = row
    return result


def unique(elements: Tensor) -> list[Tensor]:
    return [Tensor(result) for result in Unique.emit([elements.value]).results]


def unique_one_by_one(elements: Any) -> list[Any]:
    distinct = list(dict.fromkeys(elements.tolist()))
    padding = [-1] * (len(elements) - len(distinct))
    return [distinct + padding, [distinct.index(element) for element in elements]]


def indices(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Some out of range, some more than once."""
    return rng.integers(-2, 6, shape)


CASES: dict[str, list[Case]] = {
    "graph.replace_rows": [
        Case(("4x3xf64", "5x3xf64", "5xi32"), replaced, replaced_one_by_one, (None, None, indices)),
        Case(("4xf64", "6xf64", "6xi64"), replaced, replaced_one_by_one, (None, None, indices)),
        Case(("?x2x2xf64", "5x2x2xf64", "5xi32"), replaced, replaced_one_by_one, (None, None, indices)),
        Case(("4x3xf64", "0x3xf64", "0xi32"), replaced, replaced_one_by_one),
        Case(("4xf16", "?xf16", "?xi32"), replaced, replaced_one_by_one, (None, None, indices), orders=()),
        Case(("4x3xi1", "?x3xi1", "?xi32"), replaced, replaced_one_by_one, (None, None, indices), orders=()),
    ],
    "graph.unique": [
        Case((type_,), unique, unique_one_by_one, (indices,), orders=())
        for type_ in ("17xi32", "9xi64", "?xi32", "0xi64", "1xi32")
    ],
}
