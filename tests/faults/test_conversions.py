"""Masks, units, names of fields, labels and dates were dropped silently where data became an array.

Every entry on which data comes in takes the same kinds of data; each keeps all that the data says, or refuses it.
"""

from __future__ import annotations

import array
import ctypes
import sys
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import pullback as pb
from pullback.dialects.graph.tensor.types import NUMPY_DTYPES, element_type_from
from pullback.tests.faults.entry_points import CALLS, ENTRY_POINTS, UNTYPED, EntryPoint, Exchanged


class Metres(np.ndarray):
    """An array with a unit."""


class Labelled:
    """What pandas and xarray have: numbers, and labels that `__array__` leaves out."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.ones(3, np.float32)


class OnDevice(Exchanged):
    def __dlpack__(self, **options: Any) -> Any:
        raise BufferError("it is on another device")


class Real:
    """A number of a library for algebra."""

    def __float__(self) -> float:
        return 1.0


PACKED: Any = array.array
ONES = np.ones(3, np.float32)
REFUSED: dict[str, Any] = {
    "a masked array": np.ma.array(ONES, mask=[False, True, False]),
    "a masked array without a mask": np.ma.array(ONES),
    "a masked element": np.ma.masked,
    "a list of masked arrays": [np.ma.array(ONES, mask=[False, True, False]), ONES],
    "a matrix": np.matrix([[1.0, 2.0]], np.float32),
    "units": ONES.view(Metres),
    "a list of units": [ONES.view(Metres)],
    "records": np.zeros(3, [("x", np.float32), ("y", np.float32)]),
    "a recarray": np.rec.array([(1.0, 2.0)], dtype=[("x", np.float32), ("y", np.float32)]),
    "a record": np.zeros(3, [("x", np.float32)])[0],
    "objects": np.array([1.0, 2.0], object),
    "fractions": [Fraction(1, 3)],
    "a fraction": Fraction(1, 3),
    "decimals": [Decimal("0.1")],
    "a decimal": Decimal("0.1"),
    "a number of algebra": Real(),
    "numbers of algebra": [Real()],
    "text": "1.0",
    "texts": ["1.0", "2.0"],
    "text beside numbers": [1.0, "2.0"],
    "an array of text": np.array(["1.0"]),
    "an array of texts of any length": np.array(["1.0"], np.dtypes.StringDType()),
    "bytes": b"12",
    "bytes to change": bytearray(b"12"),
    "an array of bytes": np.array([b"1"]),
    "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "a date": np.datetime64("2020-01-01"),
    "durations": np.array([1], "timedelta64[s]"),
    "a duration": np.timedelta64(5, "ns"),
    "durations in a list": [np.timedelta64(5, "ns")],
    "nothing": None,
    "nothing in a list": [1.0, None],
    "a set": {1.0},
    "a deque": deque([1.0]),
    "a generator": (n for n in (1.0,)),
    "what gives an array": Labelled(),
    "what gives an array, in a list": [Labelled()],
    "a sparse array": scipy.sparse.csr_array(np.eye(2, dtype=np.float32)),
    "a sparse matrix": scipy.sparse.csr_matrix(np.eye(2, dtype=np.float32)),
    "an array of ctypes": (ctypes.c_float * 3)(),
    "characters": memoryview(b"abc").cast("c"),
    "packed text": PACKED((sys.version_info >= (3, 13) and "w") or "u", "abc"),
    "an array elsewhere": OnDevice(ONES),
    "ragged lists": [[1.0], [2.0, 3.0]],
    "ragged arrays": [ONES, ONES[:2]],
    "nested too deep": [[[[[[[[[1.0]]]]]]]]],
}


@pytest.mark.parametrize("entry", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_says_more_than_its_numbers_is_refused(name: str, entry: EntryPoint) -> None:
    with pb.Graph() as g:
        before = str(g)
        with pytest.raises(ValueError, match=r"expected|gives no array|nested|deeper") as error:
            entry(REFUSED[name], "f32")
        assert str(g) == before
    assert isinstance(error.value, TypeError)


@pytest.mark.parametrize("entry", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("name", REFUSED)
def test_functions_refuse_it_too(name: str, entry: EntryPoint) -> None:
    value = REFUSED[name]
    if value is None or isinstance(value, list | deque):
        pytest.skip("a nest")
    with pytest.raises(TypeError, match=r"expected|gives no array"):
        entry(value, "f32")


@pytest.mark.parametrize(
    "name", ["a masked array", "a matrix", "units", "objects", "dates", "a date", "a sparse array"]
)
def test_operators_refuse_it_on_either_side(name: str) -> None:
    value = REFUSED[name]
    with pb.Graph():
        x = pb.placeholder("f32", (3,))
        acts: list[Callable[[], Any]] = [
            lambda: x * value,
            lambda: value * x,
            lambda: value - x,
            lambda: value < x,
        ]
        for act in acts:
            with pytest.raises((TypeError, ValueError)):
                act()


def test_what_pandas_labels_leaves_the_operator_to_tensors() -> None:
    with pb.Graph():
        assert pb.placeholder("f32", (3,)).__pandas_priority__ > 4000  # that of its data frames


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for entry in (pb.constant, pb.Variable, lambda v: pb.function(lambda x: x)((v, 1.0))):
        with pb.Graph(), pytest.raises((ValueError, RecursionError)):
            entry(endless)


BASE = np.arange(12, dtype=np.float32).reshape(3, 4)
UNTYPED_BASE: Any = BASE
READ_ONLY = BASE.copy()
READ_ONLY.flags.writeable = False
UNALIGNED = np.frombuffer(b"\0" + BASE.tobytes(), np.uint8)[1:].view(np.float32).reshape(3, 4)
KEPT: dict[str, tuple[Any, Any]] = {
    "an array": (BASE, BASE),
    "strides below zero": (BASE[::-1, ::-2], BASE[::-1, ::-2]),
    "no C order": (np.asfortranarray(BASE), BASE),
    "strides of zero": (np.broadcast_to(np.float32(2), (2, 3)), np.full((2, 3), 2, np.float32)),
    "a transpose": (BASE.T, BASE.T),
    "read only": (READ_ONLY, BASE),
    "unaligned": (UNALIGNED, BASE),
    "no elements": (BASE[:0], BASE[:0]),
    "rank 0": (np.array(2.5, np.float32), np.float32(2.5)),
    "the other byte order": (BASE.astype(">f4"), BASE),
    "a memory view": (memoryview(UNTYPED_BASE), BASE),
    "packed numbers": (array.array("f", [1.5, 2.5]), np.array([1.5, 2.5], np.float32)),
    "an array of another library": (Exchanged(BASE), BASE),
    "a list of arrays": ([BASE[0], BASE[1]], BASE[:2]),
    "a list of scalars": ([np.float32(1), np.float32(2)], np.array([1, 2], np.float32)),
    "a list of scalars of two byte orders": (
        [np.float32(1), BASE.astype(">f4")[0, 1]],
        np.array([1, 1], np.float32),
    ),
    "a list of numbers": ([[1.0, 2.5], [3, True]], np.array([[1, 2.5], [3, 1]], np.float32)),
    "numbers beside scalars": ([np.float32(1), 2.5, 3], np.array([1, 2.5, 3], np.float32)),
    "a tuple": ((1.0, 2.0), np.array([1, 2], np.float32)),
    "infinities and NaN": (
        [np.inf, -np.inf, np.nan, -0.0],
        np.array([np.inf, -np.inf, np.nan, -0.0], np.float32),
    ),
    "a number": (2.5, np.float32(2.5)),
}


@pytest.mark.parametrize("entry", ENTRY_POINTS)
@pytest.mark.parametrize("name", KEPT)
def test_all_that_the_data_says_is_kept(name: str, entry: str) -> None:
    value, expected = KEPT[name]
    with pb.Graph():
        found = ENTRY_POINTS[entry](value, "f32")
    assert np.asarray(found).dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("entry", CALLS)
@pytest.mark.parametrize("name", [n for n, (value, _) in KEPT.items() if not isinstance(value, list | tuple)])
def test_functions_keep_it_too(name: str, entry: str) -> None:
    value, expected = KEPT[name]
    found = CALLS[entry](value, "f32")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [str(t) for t in NUMPY_DTYPES])
def test_each_dtype_stays_in_either_byte_order(dtype: str) -> None:
    kind = NUMPY_DTYPES[element_type_from(dtype)]
    value = np.array([0, 1], kind)
    with pb.Graph():
        for given in (value, value.astype(kind.newbyteorder(">"))):
            for entry in ("constant", "asarray", "variable", "feed", "check of gradients"):
                found = ENTRY_POINTS[entry](given, dtype)
                assert found.dtype == kind and found.tolist() == value.tolist()


def test_indices_neither_wrap_nor_lose_a_mask() -> None:
    with pb.Graph():
        x, rows = pb.constant([1.0, 2.0, 3.0]), pb.placeholder("f32", (None,))
        for index in (
            np.array([2**64 - 1], np.uint64),
            np.ma.array([0, 1], mask=[False, True]),
            [1.0],
            [None],
            ["0"],
        ):
            with pytest.raises((TypeError, IndexError)):
                x[index]  # pyright: ignore[reportArgumentType]
        with pytest.raises(IndexError, match="does not fit 64 bits"):
            rows[2**70]
        assert pb.run([x[np.array([2], np.uint8)], x[: 2**70], x[-(2**70) :]])[0].tolist() == [3]
        assert pb.run(rows[: 2**70], {rows: [1, 2]}).tolist() == [1, 2]
        assert pb.run(UNTYPED.sum(pb.ones((2, 3)), axis=np.array(1))).tolist() == [3, 3]
        with pytest.raises(ValueError, match="expected up to 8 extents"):
            UNTYPED.placeholder("f32", (True,))


def test_checkpoints_keep_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    for dtype in map(str, NUMPY_DTYPES):
        value = np.array([0, 1, 1], NUMPY_DTYPES[element_type_from(dtype)])
        with pb.Graph():
            v = pb.Variable(value, name="v")
            pb.train.save_checkpoint(path)
        with pb.Graph():
            w = pb.Variable(np.zeros(3), name="v", dtype=dtype)
            pb.train.restore_checkpoint(path)
        assert w.numpy().dtype == v.numpy().dtype and w.numpy().tolist() == value.tolist()
