"""Functions that move, repeat and choose elements."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from pullback.tests.array_api.calls import Call
from pullback.tests.array_api.draws import (
    Draw,
    Recipe,
    array,
    arrays,
    axes,
    axis,
    broadcasting,
    dtypes,
    permutation,
    shapes,
    some,
)

ANY = "bifc"
INDICES = np.dtype(np.int64)


@st.composite
def broadcast(draw: Draw) -> Call:
    x = draw(array(ANY, most=3))
    front = draw(shapes(0, 2))
    shape = tuple(draw(st.integers(0, 4)) if n == 1 else n for n in x.shape)
    return Call((x, (*front, *shape)[: max(4, x.ndim + len(front))]))


@st.composite
def shape_lists(draw: Draw) -> Call:
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=draw(st.integers(1, 3)), min_side=0, max_dims=4)
    return Call(tuple(draw(drawn).input_shapes))


@st.composite
def several(draw: Draw, one_shape: bool) -> Call:
    """Tensors to join, of shapes that differ along the axis, or are all the same."""
    dtype, shape = draw(dtypes(ANY)), draw(shapes(0 if one_shape else 1, 3))
    new = 1 if one_shape else 0
    options = some(draw, axis=axis(len(shape) + new))
    at = options.get("axis", 0)
    parts: list[np.ndarray] = []
    for _ in range(draw(st.integers(1, 3))):
        own = list(shape)
        if not one_shape:
            own[at] = draw(st.integers(0, 3))
        parts.append(draw(arrays(dtype, tuple(own))))
    if not one_shape and draw(st.integers(0, 4)) == 0:
        options = {"axis": None}
    return Call((parts,), options)


@st.composite
def new_axes(draw: Draw) -> Call:
    x = draw(array(ANY, most=3))
    return Call((x, draw(axis(x.ndim + 1))))


@st.composite
def over_axes(draw: Draw) -> Call:
    x = draw(array(ANY))
    return Call((x,), some(draw, axis=axes(x.ndim)))


@st.composite
def moved(draw: Draw) -> Call:
    x = draw(array(ANY, least=1))
    if draw(st.booleans()):
        return Call((x, draw(axis(x.ndim)), draw(axis(x.ndim))))
    count = draw(st.integers(1, x.ndim))
    chosen = [draw(permutation(x.ndim))[:count] for _ in range(2)]
    return Call((x, chosen[0], tuple(n - x.ndim for n in chosen[1])))


@st.composite
def permuted(draw: Draw) -> Call:
    x = draw(array(ANY))
    return Call((x, draw(permutation(x.ndim))))


@st.composite
def reshaped(draw: Draw) -> Call:
    x = draw(array(ANY))
    counts = [n for n in range(1, x.size + 1) if x.size % n == 0] or [0]
    first = draw(st.sampled_from(counts))
    shape = [first, x.size // first] if first else [0, draw(st.integers(0, 3))]
    if prod(shape) and draw(st.booleans()):
        shape[draw(st.integers(0, 1))] = -1
    return Call((x, tuple(shape) if draw(st.booleans()) or x.size != 1 else ()))


@st.composite
def repeated(draw: Draw) -> Call:
    x = draw(array(ANY, extent=1))
    along = some(draw, axis=axis(x.ndim)) if x.ndim else {}
    places = x.shape[along["axis"]] if along else x.size
    each = st.lists(st.integers(0, 3), min_size=places, max_size=places)
    return Call((x, draw(st.one_of(st.integers(0, 3), each))), along)


def counts_as_array(call: Call) -> Call:
    """The call with an array where there is a list of how often."""
    x, counts = call.arguments
    return replace(call, arguments=(x, np.array(counts) if isinstance(counts, list) else counts))


@st.composite
def rolled(draw: Draw) -> Call:
    x = draw(array(ANY))
    numbers = st.integers(-9, 9)
    if not x.ndim or draw(st.booleans()):
        return Call((x, draw(numbers)), {"axis": None} if draw(st.booleans()) else {})
    if draw(st.booleans()):
        return Call((x, draw(numbers)), {"axis": draw(axis(x.ndim))})
    several = draw(st.lists(axis(x.ndim), min_size=1, max_size=3))
    return Call((x, tuple(draw(numbers) for _ in several)), {"axis": tuple(several)})


@st.composite
def squeezed(draw: Draw) -> Call:
    x = draw(array(ANY, extent=1))
    ones = [a for a, n in enumerate(x.shape) if n == 1]
    chosen = draw(st.lists(st.sampled_from(ones), unique=True)) if ones else []
    if len(chosen) == 1 and draw(st.booleans()):
        return Call((x, chosen[0] - x.ndim))
    return Call((x, tuple(chosen)))


@st.composite
def tiled(draw: Draw) -> Call:
    x = draw(array(ANY, most=3))
    return Call((x, tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)))))


@st.composite
def taken(draw: Draw) -> Call:
    """By indices in range; the axis may be left out of vectors."""
    x = draw(array(ANY, least=1, extent=1))
    along = {} if x.ndim == 1 and draw(st.booleans()) else {"axis": draw(axis(x.ndim))}
    extent = x.shape[along.get("axis", 0)]
    return Call((x, draw(arrays(INDICES, draw(st.integers(0, 5)), low=0, high=extent - 1))), along)


@st.composite
def taken_along(draw: Draw) -> Call:
    x = draw(array(ANY, least=1, extent=1))
    along = some(draw, axis=axis(x.ndim))
    shape = list(x.shape)
    shape[along.get("axis", -1)] = draw(st.integers(0, 4))
    high = x.shape[along.get("axis", -1)] - 1
    return Call((x, draw(arrays(INDICES, tuple(shape), low=0, high=high))), along)


@st.composite
def unstacked(draw: Draw) -> Call:
    x = draw(array(ANY, least=1))
    return Call((x,), some(draw, axis=axis(x.ndim)))


RECIPES = {
    "broadcast_arrays": Recipe(broadcasting(ANY, 3).map(lambda values: Call(tuple(values)))),
    "broadcast_shapes": Recipe(shape_lists()),
    "broadcast_to": Recipe(broadcast()),
    "concat": Recipe(several(one_shape=False)),
    "expand_dims": Recipe(new_axes()),
    "flip": Recipe(over_axes()),
    "moveaxis": Recipe(moved()),
    "permute_dims": Recipe(permuted()),
    "repeat": Recipe(repeated(), counts_as_array),
    "reshape": Recipe(reshaped()),
    "roll": Recipe(rolled()),
    "squeeze": Recipe(squeezed()),
    "stack": Recipe(several(one_shape=True)),
    "take": Recipe(taken()),
    "take_along_axis": Recipe(taken_along()),
    "tile": Recipe(tiled()),
    "unstack": Recipe(unstacked()),
}
