"""Generates calls of every public function that takes tensors, with operands of all ranks and plausible arguments."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import pullback as pb

RANKS = (0, 1, 2, 3, 4, 8)
Array = Any
Arguments = tuple[list[Any], dict[str, Any]]

INDICES = ("indices", "segment_ids", "begin", "labels", "sorter")
"""Operands that may be indices."""

NUMBERS: dict[str, list[Any]] = {
    "int": [-9, -1, 0, 1, 2, 3, 8],
    "float": [0, 0.5, 1, 2],
    "Number": [0, 1.5],
    "bool": [False, True],
    "Axes": [-1, 0, 1, 7, 9, [], [0], [0, 1], [1, 1], list(range(8)), [0] * 9],
    "Sequence[int]": [[], [1], [2, 1], [0, 1, 2], [1] * 4, [2] * 8, [1] * 9],
    "ShapeLike": [2, [], [2], [2, 2], [1] * 8, [1] * 9, [-1]],
    "PaddingLike": ["SAME", "VALID", [], [[1, 1]] * 4],
    "Sequence[Sequence[int]]": [[], [[1, 1]], [[1, 0]] * 2, [[0, 1]] * 8, [[0, 0]] * 9],
    "AxisPairs": [0, 1, 2, 9, [[0], [-1]], [[0, 1], [1, 0]], [[], []], [[3], [0]]],
    "Places": [[], [0], [0, 0], [1] * 8],
}
"""Values by the parts of annotations."""

WORDS: dict[str, list[Any]] = {
    "mode": ["constant", "reflect", "symmetric"],
    "message": ["why"],
    "side": ["left", "right"],
    "indexing": ["ij", "xy"],
    "data_format": ["NHWC", "NCHW"],
    "ord": ["fro", "nuc", 1, 2, np.inf],
    "equation": ["ij,jk->ik", "...i->i", "ii", "i,j", ""],
    "dtype": ["f32", "i32", "f64"],
    "output_type": ["i32", "i64"],
}
"""Values by names."""

KNOWN: dict[str, Callable[[], Any]] = {
    "conv2d": lambda: pb.conv2d(_ones(1, 4, 4, 2), _ones(2, 2, 2, 3)),
    "conv2d_transpose": lambda: pb.conv2d_transpose(_ones(1, 2, 2, 3), _ones(2, 2, 2, 3), (1, 4, 4, 2), 2),
    "depthwise_conv2d": lambda: pb.depthwise_conv2d(_ones(1, 4, 4, 2), _ones(2, 2, 2, 3)),
    "avg_pool2d": lambda: pb.avg_pool2d(_ones(1, 4, 4, 2), 2, 2),
    "max_pool2d": lambda: pb.max_pool2d(_ones(1, 4, 4, 2), 2, 2),
    "resize_nearest_neighbor": lambda: pb.resize_nearest_neighbor(_ones(1, 2, 2, 1), (4, 4)),
    "space_to_depth": lambda: pb.space_to_depth(_ones(1, 4, 4, 1), 2),
    "depth_to_space": lambda: pb.depth_to_space(_ones(1, 2, 2, 4), 2),
    "fused_batch_norm": lambda: pb.fused_batch_norm(_ones(2, 2, 2, 3), _ones(3), _ones(3)),
    "group_norm": lambda: pb.group_norm(_ones(2, 3, 4), 2),
    "pad": lambda: pb.pad(_ones(), []),
}
"""Calls that fit, of functions for which chance finds few."""


def _ones(*shape: int) -> pb.Tensor:
    return pb.ones(shape)


def functions() -> dict[str, Callable[..., Any]]:
    """The public functions of which some parameter is an operand, and which make tensors of tensors alone."""
    found: dict[str, Callable[..., Any]] = {}
    for name in pb.__all__:
        function = getattr(pb, name)
        if not inspect.isfunction(function):
            continue
        annotations = [str(p.annotation) for p in inspect.signature(function).parameters.values()]
        if any("Operand" in a or "ShapeLike" in a for a in annotations) and not any(
            word in a for a in annotations for word in ("Callable", "Branch", "Variable")
        ):
            found[name] = function
    return found


def calls(
    name: str, function: Callable[..., Any], count: int, feeds: dict[pb.Tensor, Array]
) -> Iterator[Arguments]:
    """So many calls of a function; their placeholders are put into `feeds`, with values."""
    chance = random.Random(name)
    parameters = inspect.signature(function).parameters.values()
    for _ in range(count):
        args: list[Any] = []
        options: dict[str, Any] = {}
        for p in parameters:
            if p.default is not p.empty and (p.name in ("name", "seed", "dtype") or chance.random() < 0.6):
                continue
            if p.kind is p.VAR_POSITIONAL:
                args += [_value(p, chance, feeds) for _ in range(chance.randrange(4))]
            elif p.default is p.empty and not options and p.kind is not p.KEYWORD_ONLY:
                args.append(_value(p, chance, feeds))
            else:
                options[p.name] = _value(p, chance, feeds)
        yield args, options


def _value(p: inspect.Parameter, chance: random.Random, feeds: dict[pb.Tensor, Array]) -> Any:
    annotation = str(p.annotation)
    if p.name in WORDS:
        return chance.choice(WORDS[p.name])
    if "Sequence[Operand" in annotation:
        return [_operand(p.name, chance, feeds) for _ in range(chance.choice([0, 1, 2, 2, 3]))]
    if "Operand" in annotation:
        return _operand(p.name, chance, feeds)
    kinds = sorted((kind for kind in NUMBERS if kind in annotation), key=len)
    assert kinds, f"{p.name}: {annotation}: no values for it"
    return chance.choice(NUMBERS[kinds[-1]])


def _operand(name: str, chance: random.Random, feeds: dict[pb.Tensor, Array]) -> Any:
    """A number, one of the placeholders, or a new one: of the dtype of another or not, with unknown extents or not."""
    if chance.random() < 0.1:
        return chance.choice([2, 1.5, [1.0, 2.0], [[1, 2], [3, 4]]])
    if feeds and chance.random() < 0.2:
        return chance.choice(list(feeds))
    dtype = chance.choice(["f32"] * 7 + ["f64", "i32", "i1", "complex<f32>"])
    if name in INDICES and chance.random() < 0.7:
        dtype = "i32"
    shape = tuple(chance.choice([2, 2, 2, 2, 1, 3]) for _ in range(chance.choice(RANKS)))
    declared = [None if chance.random() < 0.15 else n for n in shape]
    x = pb.placeholder(dtype, declared, f"x{len(feeds)}")
    kind = {"f32": "f4", "f64": "f8", "i32": "i4", "i1": "?", "complex<f32>": "c8"}[dtype]
    feeds[x] = np.random.default_rng(len(feeds)).uniform(0.5, 1.9, shape).astype(kind)
    return x
