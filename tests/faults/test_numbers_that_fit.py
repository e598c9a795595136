"""Numbers that a dtype cannot hold were converted: a fed list [10**40, 1] was inf in an f32, [1.5] 1 in an i32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects.builtin import DYNAMIC_INDEX

import pullback as pb
from pullback.dialects.graph.tensor.types import NUMPY_DTYPES, element_type_from, tensor_type
from pullback.tests.faults.entry_points import CALLS, ENTRY_POINTS
from pullback.tools.array_arguments import ArrayError, named_arrays

MAX = np.iinfo(np.int32).max
UNFIT: list[tuple[str, Any]] = [
    ("f32", [10**40, 1]),
    ("f32", [10**400]),
    ("f32", [1e39, 1.0]),
    ("f16", [70000]),
    ("f16", [65520.0]),
    ("bf16", [3.4e38]),
    ("f64", [10**309]),
    ("complex<f32>", [1e39 + 1j]),
    ("f32", [1 + 2j]),
    ("i32", [1 + 0j]),
    ("i32", [1.5]),
    ("i32", [float("nan")]),
    ("i32", [float("inf")]),
    ("i32", [MAX + 1]),
    ("i32", [-MAX - 2]),
    ("i32", [float(MAX) + 1]),
    ("i64", [2**63]),
    ("i64", [float(2**63)]),
    ("i64", [10**40]),
    ("i64", [2**63, -1]),
    ("i8", [128]),
    ("ui8", [-1]),
    ("ui8", [256.0]),
    ("i1", [2]),
    ("i1", [0.5]),
    ("f32", [1e-60]),
    ("complex<f64>", [1j, 10**400]),
    ("f32", [1j, 10**400]),
    ("i64", [np.float16("inf")]),
    ("f16", [1e-9]),
]
WITH_A_DTYPE = [name for name in ENTRY_POINTS if name not in ("constant", "asarray", "variable")]


@pytest.mark.parametrize("entry", WITH_A_DTYPE)
@pytest.mark.parametrize(("dtype", "value"), UNFIT, ids=repr)
def test_numbers_that_a_dtype_cannot_hold_are_refused(dtype: str, value: list[Any], entry: str) -> None:
    with pb.Graph() as g:
        for given in (value, tuple(value), [value]):
            with pytest.raises(ValueError, match=r"number|integers|dtype"):
                ENTRY_POINTS[entry](given, dtype)
        assert "constant" not in str(g)


FIT: list[tuple[str, Any]] = [
    ("f32", [0.1, 1e-40, 3.4028235e38]),
    ("f32", [10**38, 2**24 + 1]),
    ("f64", [10**308, 0.1]),
    ("f16", [65519.0]),
    ("i32", [1.0, -2.0, MAX]),
    ("i32", [True, 2]),
    ("i64", [2**63 - 1, -(2**63)]),
    ("i1", [0, 1.0, True]),
    ("complex<f32>", [1, 2.5, 1j]),
    ("f32", []),
    ("i32", []),
]


@pytest.mark.parametrize("entry", WITH_A_DTYPE)
@pytest.mark.parametrize(("dtype", "value"), FIT, ids=repr)
def test_numbers_that_merely_round_are_taken(dtype: str, value: list[Any], entry: str) -> None:
    kind = NUMPY_DTYPES[element_type_from(dtype)]
    with pb.Graph():
        found = ENTRY_POINTS[entry](value, dtype)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, np.array(value, kind))


ARRAYS: list[tuple[str, Any, bool]] = [
    ("i32", np.array([1.5]), False),
    ("i32", np.array([np.nan]), False),
    ("i32", np.array([2.0, 3.0]), True),
    ("i32", np.array([2**31], np.uint32), False),
    ("i32", np.array([7], np.uint16), True),
    ("f32", np.array([1e300]), False),
    ("f32", np.array([1e-300]), True),
    ("f64", np.array([1, 2], np.longdouble), True),
    ("f64", np.array([np.finfo(np.longdouble).max]), False),
    ("f32", np.array([1j]), False),
    ("f32", np.array([1, -2], ml_dtypes.int4), True),
    ("ui8", np.array([-1], ml_dtypes.int4), False),
    ("f32", np.array([0.5], ml_dtypes.float8_e4m3fn), True),
    ("i1", np.array([2]), False),
]


@pytest.mark.parametrize("entry", ["constant of a dtype", "asarray of a dtype", "variable of a dtype"])
@pytest.mark.parametrize(("dtype", "value", "fits"), ARRAYS, ids=repr)
def test_arrays_are_converted_where_a_dtype_is_asked_for_and_fits(
    dtype: str, value: Any, fits: bool, entry: str
) -> None:
    with pb.Graph():
        if not fits:
            with pytest.raises(ValueError, match=r"number"):
                ENTRY_POINTS[entry](value, dtype)
            return
        found = ENTRY_POINTS[entry](value, dtype)
    kind = NUMPY_DTYPES[element_type_from(dtype)]
    assert found.dtype == kind
    np.testing.assert_array_equal(found, value.astype(kind))


@pytest.mark.parametrize(
    "dtype",
    [np.longdouble, np.clongdouble, np.uint16, np.uint64, ml_dtypes.int4, ml_dtypes.float8_e5m2],
    ids=str,
)
def test_dtypes_that_tensors_do_not_have_are_refused(dtype: Any) -> None:
    for entry in ENTRY_POINTS:
        if entry.endswith("of a dtype") or entry in ("assign", "check of gradients"):
            continue
        for value in (np.zeros(2, dtype), [np.zeros(2, dtype)]):
            if isinstance(value, list) and entry in ("feed", "beside a tensor"):
                continue  # it takes the dtype of the input
            with pb.Graph(), pytest.raises(ValueError, match="is not supported"):
                ENTRY_POINTS[entry](value, "f32")
    with pytest.raises(ValueError, match="is not supported"):
        CALLS["argument"](np.zeros(2, dtype), "f32")


def test_integers_of_two_signs_that_no_dtype_holds_are_refused() -> None:
    with pb.Graph(), pytest.raises(ValueError, match="no dtype holds all of these integers"):
        pb.constant([np.uint64(2**64 - 1), np.int64(-1)])


def _on_the_command_line(written: str, dtype: str) -> Any:
    type_ = tensor_type(element_type_from(dtype), (DYNAMIC_INDEX,) * written.count("["))
    return named_arrays("input", [f"x={written}"], {"x": type_})["x"]


@pytest.mark.parametrize(
    ("dtype", "written"),
    [
        ("f32", f"[{10**40}, 1]"),
        ("f32", "1e39"),
        ("f64", "1e400"),
        ("f32", "[1e-60]"),
        ("i32", "[1.5]"),
        ("i64", f"[{2**63}]"),
        ("i1", "[2]"),
        ("f32", '["1.0"]'),
        ("f32", "[null]"),
        ("f32", "[[1], [2, 3]]"),
        ("f32", '{"a": 1}'),
        ("complex<f32>", '["one"]'),
    ],
)
def test_numbers_on_the_command_line_follow_the_rule(dtype: str, written: str) -> None:
    with pytest.raises(ArrayError, match=r"not an array of|too large"):
        _on_the_command_line(written, dtype)


def test_what_is_written_on_the_command_line_is_kept(tmp_path: Path) -> None:
    assert _on_the_command_line("[0.1, Infinity, 16777217]", "f32").tolist() == [
        np.float32(0.1),
        np.inf,
        2**24,
    ]
    assert _on_the_command_line(f"[{2**63 - 1}, true]", "i64").tolist() == [2**63 - 1, 1]
    assert _on_the_command_line('["1+2j", 3]', "complex<f64>").tolist() == [1 + 2j, 3]
    np.save(tmp_path / "x.npy", np.array([1.5], ">f4"))
    found = named_arrays(
        "input", [f"x={tmp_path / 'x.npy'}"], {"x": tensor_type(element_type_from("f32"), (1,))}
    )
    assert found["x"].dtype == np.float32 and found["x"].tolist() == [1.5]


def test_numbers_by_themselves_follow_it_too() -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (3,))
        before = str(g)
        acts: list[Callable[[], object]] = [
            lambda: x * 10**400,
            lambda: pb.full((2,), 10**400, "f64"),
            lambda: pb.full((2,), 10**400, "complex<f32>"),
            lambda: pb.leaky_relu(x, 10**400),
            lambda: pb.clip(x, -(10**400), 1.0),
            lambda: pb.pad(x, [[1, 1]], constant_values=10**400),
            lambda: pb.arange(0, 10**400),
            lambda: pb.arange(float("inf")),
            lambda: pb.arange(float("nan")),
            lambda: pb.linspace(0, 10**400, 3),
            lambda: pb.train.GradientDescentOptimizer(10**400),
            lambda: pb.full((2,), float("nan"), "i32"),
        ]
        for act in acts:
            with pytest.raises(ValueError, match=r"number|dtype|integer|bits"):
                act()
        assert str(g) == before
        assert pb.run(pb.full((2,), 3.4028235e38))[0] == np.finfo(np.float32).max
