"""The operators and the properties of a tensor, against those of an array of array-api-strict."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

import pullback as pb
from pullback.tests.array_api.calls import ARRAY, Call, applied_to_ours, applied_to_strict, assert_agree
from pullback.tests.array_api.recipes import RECIPES

OPERATORS: dict[str, str] = {
    "abs": "abs",
    "add": "add",
    "and_": "bitwise_and",
    "floordiv": "floor_divide",
    "ge": "greater_equal",
    "gt": "greater",
    "invert": "bitwise_invert",
    "le": "less_equal",
    "lshift": "bitwise_left_shift",
    "lt": "less",
    "matmul": "matmul",
    "mod": "remainder",
    "mul": "multiply",
    "neg": "negative",
    "or_": "bitwise_or",
    "pos": "positive",
    "pow": "pow",
    "rshift": "bitwise_right_shift",
    "sub": "subtract",
    "truediv": "divide",
    "xor": "bitwise_xor",
}
"""Operators of the standard library's module, and whose operands they take."""

IN_PLACE = {f"__i{name.rstrip('_')}__" for name in OPERATORS}
ELSEWHERE = {
    "__array_namespace__": "a tensor is no array: it has no elements before its graph runs",
    "__buffer__": "no elements",
    "__complex__": "no elements",
    "__dlpack__": "no elements",
    "__dlpack_device__": "no elements",
    "__setitem__": "tensors do not change: dynamic_update_slice, tensor_scatter_update",
    "device": "`with device(...)` says where operations are placed",
    "to_device": "the same",
}
"""What arrays have and tensors have not, and why. `x += y` makes a new tensor, so none has operators in place."""


@pytest.mark.parametrize("name", OPERATORS)
@hypothesis.given(data=st.data())
def test_operators(name: str, data: st.DataObject) -> None:
    recipe = RECIPES[OPERATORS[name]]
    call, apply = data.draw(recipe.calls), getattr(operator, name)
    assert_agree(
        applied_to_ours(apply, call), applied_to_strict(apply, recipe.standard(call)), recipe.elements
    )


PROPERTIES: dict[str, Callable[[Any], Any]] = {
    "T": lambda x: x.T if x.ndim == 2 else x,
    "mT": lambda x: x.mT if x.ndim >= 2 else x,
    "shape": lambda x: x.shape,
    "ndim": lambda x: x.ndim,
    "size": lambda x: x.size,
}


@pytest.mark.parametrize("name", PROPERTIES)
@hypothesis.given(data=st.data())
def test_properties(name: str, data: st.DataObject) -> None:
    call, read = Call(data.draw(RECIPES["positive"].calls).arguments[:1]), PROPERTIES[name]
    assert_agree(applied_to_ours(read, call), applied_to_strict(read, call))


def test_what_a_tensor_has() -> None:
    public = {n for n in vars(ARRAY) if n.startswith("__") or not n.startswith("_")}
    lacking = {n for n in public if not hasattr(pb.Tensor, n)} - {"__weakref__"}
    assert lacking == (ELSEWHERE.keys() | IN_PLACE) & public
    assert ELSEWHERE.keys() <= public


def test_unknown_extents_make_an_unknown_size() -> None:
    with pb.Graph():
        assert pb.placeholder("f32", (None, 3)).size is None
        assert pb.Variable([[1.0, 2.0]]).size == 2
