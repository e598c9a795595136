"""The functions that Pullback shares with the Array API, against array-api-strict."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from pullback.tests.array_api.calls import SHARED, assert_agree, ours, strict
from pullback.tests.array_api.recipes import RECIPES


def agree(name: str, data: st.DataObject, target: str) -> None:
    """One drawn call, which gives the same values, shapes and dtypes on both sides."""
    recipe = RECIPES[name]
    call = data.draw(recipe.calls)
    assert_agree(ours(name, call, target), strict(name, recipe.standard(call)), recipe.elements)


@pytest.mark.parametrize("name", SHARED)
@hypothesis.given(data=st.data())
def test_values_shapes_and_dtypes(name: str, data: st.DataObject) -> None:
    agree(name, data, "numpy")


@pytest.mark.matrix(12)
@pytest.mark.parametrize("name", SHARED)
@hypothesis.settings(max_examples=3)
@hypothesis.given(data=st.data())
def test_compiled(name: str, data: st.DataObject) -> None:
    agree(name, data, "cpu")
