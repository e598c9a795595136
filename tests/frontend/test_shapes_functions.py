"""Functions that move elements, against NumPy; and their messages for invalid arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb

A = np.arange(1, 13, dtype=np.float64).reshape(2, 1, 6)
UNTYPED: Any = pb
"""The module again, without types: for what no type checker lets pass."""

CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "squeeze": (pb.squeeze, np.squeeze),
    "squeeze an axis": (lambda x: pb.squeeze(x, axis=-2), lambda x: x[:, 0]),
    "moveaxis": (lambda x: pb.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1)),
    "moveaxis twice": (lambda x: pb.moveaxis(x, [0, -1], [1, 0]), lambda x: np.moveaxis(x, [0, -1], [1, 0])),
    "matrix_transpose": (pb.matrix_transpose, lambda x: np.swapaxes(x, -1, -2)),
    "flip": (pb.flip, np.flip),
    "flip axes": (lambda x: pb.flip(x, (-1, 0)), lambda x: np.flip(x, (-1, 0))),
    "reverse": (lambda x: pb.reverse(x, axis=[2]), lambda x: x[..., ::-1]),
    "roll": (lambda x: pb.roll(x, 7), lambda x: np.roll(x, 7)),
    "roll axes": (lambda x: pb.roll(x, (1, -2), (0, 2)), lambda x: np.roll(x, (1, -2), (0, 2))),
    "roll an axis twice": (lambda x: pb.roll(x, (1, 2), (2, 2)), lambda x: np.roll(x, (1, 2), (2, 2))),
    "roll axes alike": (lambda x: pb.roll(x, 1, (2, 0)), lambda x: np.roll(x, 1, (2, 0))),
    "tile": (lambda x: pb.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3))),
    "tile the last axes": (lambda x: pb.tile(x, 2), lambda x: np.tile(x, 2)),
    "tile with new axes": (lambda x: pb.tile(x, (2, 1, 1, 2)), lambda x: np.tile(x, (2, 1, 1, 2))),
    "repeat": (lambda x: pb.repeat(x, 2, axis=-1), lambda x: np.repeat(x, 2, axis=-1)),
    "repeat flattened": (lambda x: pb.repeat(x, 3), lambda x: np.repeat(x, 3)),
    "pad": (lambda x: pb.pad(x, [[1, 0], [0, 2], [1, 1]]), lambda x: np.pad(x, [[1, 0], [0, 2], [1, 1]])),
    "pad with a number": (
        lambda x: UNTYPED.pad(x, np.ones((3, 2), np.int64), constant_values=np.float32(-1)),
        lambda x: np.pad(x, 1, constant_values=-1),
    ),
    "pad with a mirror": (
        lambda x: pb.pad(x, [[1, 0], [0, 0], [2, 5]], mode="REFLECT"),
        lambda x: np.pad(x, [[1, 0], [0, 0], [2, 5]], mode="reflect"),
    ),
    "pad with a mirror behind": (
        lambda x: pb.pad(x, [[1, 2], [0, 1], [2, 6]], mode="symmetric"),
        lambda x: np.pad(x, [[1, 2], [0, 1], [2, 6]], mode="symmetric"),
    ),
    "slice": (lambda x: pb.slice(x, [1, 0, 2], [1, -1, 3]), lambda x: x[1:, :, 2:5]),
    "slice at a tensor": (
        lambda x: pb.slice(x, [pb.constant(1), 0, pb.constant(2, "i64")], [1, 1, 3]),
        lambda x: x[1:, :, 2:5],
    ),
    "slice at one tensor": (
        lambda x: pb.slice(x, pb.constant([1, 0, 2]), [1, 1, 3]),
        lambda x: x[1:, :, 2:5],
    ),
    "dynamic_update_slice": (
        lambda x: pb.dynamic_update_slice(x, np.full((1, 1, 2), -1.0), [1, 0, pb.constant(3)]),
        lambda x: np.concatenate([x.reshape(-1)[:9], [-1, -1], x.reshape(-1)[11:]]).reshape(2, 1, 6),
    ),
    "strided_slice": (
        lambda x: pb.strided_slice(x, [0, 0, -1], [2, 1, 0], [1, 1, -2]),
        lambda x: x[:, :, -1:0:-2],
    ),
    "strided_slice of the first axes": (lambda x: pb.strided_slice(x, [1], [2]), lambda x: x[1:2]),
    "strided_slice with masks": (
        lambda x: pb.strided_slice(x, [1, 9, 9, 2], [9, 9, 9, 9], [1, 1, 1, 1], 0, 8, 2, 4, 1),
        lambda x: x[1, ..., None, 2:],
    ),
    "strided_slice open at the beginning": (
        lambda x: pb.strided_slice(x, [1, 0, 1], [2, 1, 4], begin_mask=5, end_mask=1),
        lambda x: x[:, :1, :4],
    ),
    "split": (lambda x: pb.split(x, [1, -1, 2], axis=2)[1], lambda x: x[..., 1:4]),
    "unstack": (lambda x: pb.unstack(x, axis=-1)[4], lambda x: x[..., 4]),
    "stack": (lambda x: pb.stack(pb.unstack(x, 2)[::-1], 0), lambda x: np.moveaxis(x[..., ::-1], 2, 0)),
    "concat flattened": (
        lambda x: pb.concat([x, x[..., 0]], axis=None),
        lambda x: np.concatenate([x, x[..., 0]], axis=None),
    ),
    "broadcast_arrays": (
        lambda x: pb.broadcast_arrays(x, x[:, 0, 1:2, None, None])[1],
        lambda x: np.broadcast_arrays(x, x[:, 0, 1:2, None, None])[1],
    ),
    "empty_like": (lambda x: pb.empty_like(x) * 0, np.zeros_like),
    "arange of an extent": (
        lambda x: pb.arange(pb.shape(x)[2], dtype="f64") * x,
        lambda x: np.arange(6.0) * x,
    ),
    "arange between tensors": (
        lambda x: pb.cast(pb.arange(2, pb.constant(5)), "f64") * x[..., :3],
        lambda x: np.arange(2.0, 5) * x[..., :3],
    ),
}
NEEDS_EXTENTS = {"split", "unstack", "stack", "squeeze"}


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.matrix(120)
def test_against_numpy(graph: pb.Graph, case: str, dynamic: bool, target: str) -> None:
    function, reference = CASES[case]
    shape = (None, None if dynamic and case not in NEEDS_EXTENTS else 1, None if dynamic else 6)
    if case in NEEDS_EXTENTS:
        shape = (2, 1, 6)
    x = pb.placeholder("f64", shape, name="x")
    found, expected = pb.run(function(x), {x: A}, target=target), np.asarray(reference(A))
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


EXTENTS = st.lists(st.sampled_from([0, 1, 1, 2, 3]), max_size=3)


@given(st.lists(EXTENTS, min_size=1, max_size=3), st.booleans())
def test_broadcasting(shapes: list[list[int]], dynamic: bool) -> None:
    try:
        expected = np.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        with pytest.raises(ValueError, match="do not broadcast"):
            pb.broadcast_shapes(*shapes)
        return
    assert pb.broadcast_shapes(*shapes) == expected
    arrays = [np.arange(np.prod(s), dtype=np.float32).reshape(s) for s in shapes]
    with pb.Graph():
        xs = [pb.placeholder("f32", [None if dynamic else n for n in s]) for s in shapes]
        found = pb.run(pb.broadcast_arrays(*xs), dict(zip(xs, arrays, strict=True)))
    for value, wanted in zip(found, np.broadcast_arrays(*arrays), strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_repeats_of_their_own(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2, 3), name="x")
    x0 = np.arange(6, dtype=np.float32).reshape(2, 3)
    y = pb.repeat(x, [2, 0, 3], axis=1)
    (dx,) = pb.gradients(y, [x])
    found = pb.run([y, dx], {x: x0})
    np.testing.assert_array_equal(found[0], np.repeat(x0, [2, 0, 3], axis=1))
    np.testing.assert_array_equal(found[1], np.tile(np.array([2, 0, 3]), (2, 1)))


def test_meshgrid(graph: pb.Graph) -> None:
    vectors = [np.arange(n, dtype=np.float32) + n for n in (2, 0, 3)]
    for some in (vectors, vectors[::2], vectors[2:], [np.float32(1), vectors[0]]):
        for indexing in ("xy", "ij"):
            expected = np.meshgrid(*some, indexing=indexing)
            static = pb.run(pb.meshgrid(*map(pb.constant, some), indexing=indexing))
            xs = [pb.placeholder("f32", [None] * np.ndim(v)) for v in some]
            dynamic = pb.run(pb.meshgrid(*xs, indexing=indexing), dict(zip(xs, some, strict=True)))
            for wanted, one, other in zip(expected, static, dynamic, strict=True):
                np.testing.assert_array_equal(one, wanted)
                np.testing.assert_array_equal(other, wanted)
    assert pb.meshgrid() == []


@pytest.mark.parametrize(
    "arguments",
    [
        (5,),
        (2, 7),
        (7, 2),
        (0, 10, 3),
        (10, 0, -3),
        (3, 3),
        (0.0, 1.0, 0.25),
        (1, 0, -0.5),
        (-2.5,),
        (0, 1, 3.5),
    ],
    ids=str,
)
def test_arange(graph: pb.Graph, arguments: tuple[Any, ...]) -> None:
    expected = np.arange(*arguments)
    dtypes = ["f64", "f16"] if expected.dtype.kind == "f" else ["i64", "i8", "ui8", "f32", "complex<f32>"]
    for dtype in [None, *dtypes]:
        if dtype == "ui8" and min(expected, default=0) < 0:
            continue
        found = pb.run(pb.arange(*arguments, dtype=dtype))
        np.testing.assert_array_equal(found, expected.astype(found.dtype))
        assert found.dtype == {"i": np.int32, "f": np.float32}[expected.dtype.kind] or dtype is not None


def test_linspace_and_eye(graph: pb.Graph) -> None:
    np.testing.assert_array_equal(pb.run(pb.linspace(0, 1, 7)), np.linspace(0, 1, 7, dtype=np.float32))
    np.testing.assert_array_equal(
        pb.run(pb.linspace(2.0, -1, 4, "f64", endpoint=False)), np.linspace(2.0, -1, 4, endpoint=False)
    )
    np.testing.assert_array_equal(pb.run(pb.linspace(0, 1j, 3)), np.linspace(0, 1j, 3))
    assert pb.run(pb.linspace(1, 2, 0)).shape == (0,)
    sizes: list[tuple[int, int, int]] = [(3, 3, 0), (2, 4, 0), (4, 2, 1), (4, 2, -2), (0, 3, 0), (3, 3, 9)]
    assert pb.eye(3).shape == (3, 3)
    for arguments in sizes:
        np.testing.assert_array_equal(pb.run(pb.eye(*arguments)), np.eye(*arguments, dtype=np.float32))
    np.testing.assert_array_equal(pb.run(pb.eye(2, dtype="i1")), np.eye(2, dtype=bool))
    np.testing.assert_array_equal(pb.run(pb.empty((2, 0), "i32")), np.zeros((2, 0), np.int32))


def test_one_hot(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    i = pb.placeholder("i32", (None,), name="i")
    hot = pb.one_hot(i, 4, axis=0, on_value=2.5, off_value=-1, dtype="f64")
    np.testing.assert_array_equal(pb.run(hot, {i: [3, -1]}), [[-1, -1], [-1, -1], [-1, -1], [2.5, -1]])
    assert pb.gradients(pb.one_hot(pb.cast(x, "i32"), 3), [x]) == [None]


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("batch", [2, None])
def test_blocks_of_images(graph: pb.Graph, block: int, batch: int | None) -> None:
    x0 = np.arange(2 * 6 * 12 * 5, dtype=np.float32).reshape(2, 6, 12, 5)
    x = pb.placeholder("f32", (batch, 6, 12, 5), name="x")
    depth = pb.space_to_depth(x, block)
    found, back = pb.run([depth, pb.depth_to_space(depth, block)], {x: x0})
    np.testing.assert_array_equal(back, x0)
    for i in range(block):
        for j in range(block):
            channels = (i * block + j) * 5
            np.testing.assert_array_equal(found[..., channels : channels + 5], x0[:, i::block, j::block])


REFUSED: dict[str, tuple[str, Callable[[pb.Tensor], object]]] = {
    "squeeze": ("squeeze: squeeze_c1: axis 0", lambda x: pb.squeeze(x, 0)),
    "moveaxis": ("moveaxis: 1 axes for 2 places", lambda x: pb.moveaxis(x, 0, [0, 1])),
    "matrix_transpose": ("at least two axes", lambda x: pb.matrix_transpose(x[0])),
    "tile": (r"tile: repetitions: expected numbers from 0 on, got \[-1\]", lambda x: pb.tile(x, [-1])),
    "tile letters": ("tile: repetitions: expected a whole number", lambda x: UNTYPED.tile(x, "a")),
    "repeat": ("2 numbers for axis 1 of .* whose extent is 3", lambda x: pb.repeat(x, [1, 2], axis=1)),
    "repeat axis": ("repeat: axis 2 does not exist", lambda x: pb.repeat(x, 2, axis=2)),
    "roll": ("roll: 2 shifts for 3 axes", lambda x: pb.roll(x, [1, 2], [0, 1, 0])),
    "roll flattened": ("roll: shift: expected one number", lambda x: pb.roll(x, [1, 2])),
    "pad pairs": (
        "pad: paddings: expected 2 pairs for tensor<2x3xf32>, got 1",
        lambda x: pb.pad(x, [[1, 1]]),
    ),
    "pad numbers": ("pad: paddings: expected two whole numbers", lambda x: UNTYPED.pad(x, [[1], [2]])),
    "pad negative": ("pad: padding_c1", lambda x: pb.pad(x, [[0, 0], [-1, 0]])),
    "pad mode": ("pad: mode: expected one of constant, reflect", lambda x: pb.pad(x, [[0, 0]] * 2, "wrap")),
    "pad value": (
        "constant_values: expected a number, got 'a'",
        lambda x: UNTYPED.pad(x, [[0, 0]] * 2, "constant", "a"),
    ),
    "pad mirror": ("shows no 2 elements of axis 0", lambda x: pb.pad(x, [[2, 0], [0, 0]], "reflect")),
    "slice": ("has no 2 elements from 2 on", lambda x: pb.slice(x, [0, 2], [1, 2])),
    "slice rank": ("begin and size must have 2 numbers", lambda x: pb.slice(x, [0], [1])),
    "slice rest": ("where begin is a tensor", lambda x: pb.slice(x, [pb.constant(0), 0], [-1, 1])),
    "slice place": (
        "slice: begin: expected whole numbers or tensors",
        lambda x: UNTYPED.slice(x, ["a", 0], [1, 1]),
    ),
    "dynamic_update_slice": ("dtypes differ", lambda x: pb.dynamic_update_slice(x, np.zeros((1, 1)), [0, 0])),
    "strided_slice": ("must have one length, got 1, 2 and 1", lambda x: pb.strided_slice(x, [0], [1, 1])),
    "strided_slice mask": (
        "end_mask: expected a whole number",
        lambda x: UNTYPED.strided_slice(x, [0], [1], end_mask="a"),
    ),
    "strided_slice stride": ("the step of a slice is 0", lambda x: pb.strided_slice(x, [0], [1], [0])),
    "split": ("do not make up axis 1", lambda x: pb.split(x, [1, 1], axis=1)),
    "unstack": ("unstack: axis 2 does not exist", lambda x: pb.unstack(x, 2)),
    "unstack unknown": (
        "known only at run time",
        lambda x: pb.unstack(pb.placeholder("f32", (None,), name="u")),
    ),
    "meshgrid": ("meshgrid: expected vectors", lambda x: pb.meshgrid(x)),
    "meshgrid indexing": ("expected 'xy' or 'ij'", lambda x: pb.meshgrid(x[0], indexing="ji")),
    "broadcast_arrays": ("do not broadcast", lambda x: pb.broadcast_arrays(x, x.T)),
    "space_to_depth": ("with known extents", lambda x: pb.space_to_depth(x, 2)),
    "space_to_depth blocks": ("do not make up", lambda x: pb.space_to_depth(x[None, ..., None], 2)),
    "depth_to_space": ("3 channels do not fill", lambda x: pb.depth_to_space(x[None, None], 2)),
    "depth_to_space block": ("from 1 on, got 0", lambda x: pb.depth_to_space(x[None, None], 0)),
    "arange step": ("arange: step: expected another number than 0", lambda x: pb.arange(0, 1, 0)),
    "arange letters": ("arange: start: expected a number", lambda x: UNTYPED.arange("a", 3)),
    "arange complex": ("arange: stop: expected a real number", lambda x: UNTYPED.arange(0, 1j)),
    "arange dtype": ("300 is no value|299 is no value", lambda x: pb.arange(300, dtype="ui8")),
    "arange tensor": ("expected one integer", lambda x: pb.arange(x)),
    "arange tensor step": ("expected 1 where", lambda x: pb.arange(pb.constant(2), 3, 2)),
    "linspace": ("linspace: num", lambda x: pb.linspace(0, 1, -1)),
    "linspace dtype": ("no value of dtype i32", lambda x: pb.linspace(0.5, 1, 3, "i32")),
    "eye": ("eye: n_rows", lambda x: pb.eye(-1)),
    "one_hot": ("one_hot: indices: expected integers", lambda x: pb.one_hot(x, 3)),
    "one_hot depth": ("depth must be 0 or more", lambda x: pb.one_hot([1], -1)),
    "one_hot value": ("0.5 is no value of dtype i32", lambda x: pb.one_hot([1], 2, 0.5, dtype="i32")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(graph: pb.Graph, case: str) -> None:
    message, act = REFUSED[case]
    x = pb.placeholder("f32", (2, 3), name="x")
    with pytest.raises(ValueError, match=message):
        act(x)
