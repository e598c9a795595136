"""Functions that make arrays, from shapes and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from pullback.tests.array_api.calls import Call
from pullback.tests.array_api.draws import Draw, Recipe, array, arrays, dtypes, shapes, some, values

FLOAT, INTEGER = np.dtype(np.float32), np.dtype(np.int32)


def floats_by_default(call: Call) -> Call:
    """The call with the dtype that numbers get here."""
    return call.having(dtype=FLOAT)


def numbers_by_default(call: Call) -> Call:
    """The call with the dtype that numbers like those in it get here."""
    numbers: list[Any] = [a for a in call.arguments if isinstance(a, bool | int | float | complex)]
    kinds = {complex: np.dtype(np.complex64), float: FLOAT, int: INTEGER, bool: np.dtype(np.bool_)}
    return call.having(dtype=next(d for kind, d in kinds.items() if any(type(n) is kind for n in numbers)))


@st.composite
def shaped(draw: Draw) -> Call:
    shape = draw(st.one_of(shapes(), st.integers(0, 5)))
    return Call((shape,), some(draw, dtype=dtypes("bifc")))


@st.composite
def shaped_like(draw: Draw) -> Call:
    return Call((draw(array("bifc")),), some(draw, dtype=dtypes("bifc")))


def _a_number(draw: Draw) -> tuple[Any, np.dtype[Any]]:
    dtype = draw(dtypes("bifc"))
    return draw(values(dtype)), dtype


@st.composite
def filled(draw: Draw) -> Call:
    number, dtype = _a_number(draw)
    return Call((draw(shapes()), number), some(draw, dtype=st.just(dtype)))


@st.composite
def filled_like(draw: Draw) -> Call:
    number, dtype = _a_number(draw)
    return Call((draw(arrays(dtype, draw(shapes()))), number), some(draw, dtype=st.just(dtype)))


@st.composite
def ranges(draw: Draw) -> Call:
    """Of whole numbers, or of quarters, so that no rounding decides how many there are."""
    scale = draw(st.sampled_from([1, 0.25]))
    start, stop = (draw(st.integers(-20, 20)) * scale for _ in range(2))
    step = draw(st.integers(-5, 5).filter(bool)) * scale
    wanted = some(draw, dtype=dtypes("f" if scale != 1 else "if"))
    if wanted.get("dtype") == np.uint8:
        start, stop, step = abs(start), abs(stop), abs(step)
    arguments = draw(st.sampled_from([(stop,), (start, stop), (start, stop, step)]))
    return Call(arguments, wanted)


@st.composite
def divisions(draw: Draw) -> Call:
    ends = tuple(draw(st.floats(-9, 9, width=32)) for _ in range(2))
    options = some(draw, dtype=dtypes("f"), endpoint=st.booleans())
    return Call((*ends, draw(st.integers(0, 9))), options)


@st.composite
def identities(draw: Draw) -> Call:
    sizes = draw(st.lists(st.integers(0, 5), min_size=1, max_size=2))
    return Call(tuple(sizes), some(draw, k=st.integers(-6, 6), dtype=dtypes("ifc")))


@st.composite
def triangles(draw: Draw) -> Call:
    return Call((draw(array("bifc", least=2)),), some(draw, k=st.integers(-5, 5)))


@st.composite
def grids(draw: Draw) -> Call:
    dtype = draw(dtypes("bifc"))
    vectors = [draw(arrays(dtype, draw(st.integers(0, 3)))) for _ in range(draw(st.integers(0, 3)))]
    return Call(tuple(vectors), some(draw, indexing=st.sampled_from(["xy", "ij"])))


RECIPES = {
    "arange": Recipe(ranges(), numbers_by_default),
    "empty": Recipe(shaped(), floats_by_default, elements=False),
    "empty_like": Recipe(shaped_like(), elements=False),
    "eye": Recipe(identities(), floats_by_default),
    "full": Recipe(filled(), numbers_by_default),
    "full_like": Recipe(filled_like()),
    "linspace": Recipe(divisions(), floats_by_default),
    "meshgrid": Recipe(grids()),
    "ones": Recipe(shaped(), floats_by_default),
    "ones_like": Recipe(shaped_like()),
    "tril": Recipe(triangles()),
    "triu": Recipe(triangles()),
    "zeros": Recipe(shaped(), floats_by_default),
    "zeros_like": Recipe(shaped_like()),
}
