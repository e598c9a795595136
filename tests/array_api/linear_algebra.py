"""Products, triangles, factors and solutions of matrices."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from pullback.tests.array_api.calls import Call
from pullback.tests.array_api.draws import (
    Array,
    Draw,
    Recipe,
    array,
    arrays,
    axes,
    dtypes,
    permutation,
    shapes,
    some,
    unary,
)
from pullback.tests.array_api.statistics import keeping_dtype

SIDES = st.integers(0, 4)


@st.composite
def products(draw: Draw) -> Call:
    """Of matrices whose leading axes broadcast, and of vectors."""
    dtype = draw(dtypes("ifc"))
    shapes_drawn = draw(
        hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, min_side=0)
    )
    return Call(tuple(draw(arrays(dtype, shape, low=-3, high=3)) for shape in shapes_drawn.input_shapes))


@st.composite
def contractions(draw: Draw) -> Call:
    dtype = draw(dtypes("ifc"))
    shared = draw(shapes(0, 2))
    first, second = draw(shapes(0, 2)), draw(shapes(0, 2))
    count = len(shared)
    a = draw(arrays(dtype, (*first, *shared), low=-3, high=3))
    b = draw(arrays(dtype, (*shared, *second), low=-3, high=3))
    if draw(st.booleans()):
        return Call((a, b), {"axes": count} if count != 2 or draw(st.booleans()) else {})
    order = draw(permutation(count))
    of_a = tuple(n - count for n in order)
    return Call((a, b), {"axes": (of_a, tuple(order))})


@st.composite
def dots(draw: Draw) -> Call:
    dtype, extent = draw(dtypes("ifc")), draw(SIDES)
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3))
    at = draw(st.integers(-min(map(len, drawn.input_shapes)) - 1, -1))
    pair: list[Array] = []
    for shape in drawn.input_shapes:
        whole = list(shape)
        whole.insert(len(shape) + at + 1, extent)
        pair.append(draw(arrays(dtype, tuple(whole), low=-3, high=3)))
    return Call(tuple(pair), {} if at == -1 and draw(st.booleans()) else {"axis": at})


@st.composite
def vectors(draw: Draw) -> Call:
    dtype = draw(dtypes("ifc"))
    return Call(tuple(draw(arrays(dtype, draw(SIDES))) for _ in range(2)))


@st.composite
def crosses(draw: Draw) -> Call:
    dtype, shape = draw(dtypes("ifc")), list(draw(shapes(0, 3)))
    at = draw(st.integers(-len(shape) - 1, -1))
    shape.insert(len(shape) + at + 1, 3)
    pair = tuple(draw(arrays(dtype, tuple(shape))) for _ in range(2))
    return Call(pair, {} if at == -1 and draw(st.booleans()) else {"axis": at})


def _square(draw: Draw, dominant: bool = True) -> Array:
    """Square matrices far from singular: their diagonals outweigh the rest."""
    dtype, side = draw(dtypes("fc")), draw(SIDES)
    x = draw(arrays(dtype, (*draw(shapes(0, 2)), side, side), low=-1, high=1))
    return x + (4 * max(side, 1) * np.eye(side)).astype(dtype) if dominant else x


@st.composite
def squares(draw: Draw) -> Call:
    return Call((_square(draw),))


@st.composite
def positive_definite(draw: Draw) -> Call:
    x = _square(draw)
    return Call((x + np.conj(np.swapaxes(x, -1, -2)),), some(draw, upper=st.booleans()))


@st.composite
def hermitian(draw: Draw) -> Call:
    """The lower triangle is that of a Hermitian matrix; the upper one is not read."""
    return Call((_square(draw, dominant=False),))


@st.composite
def matrices(draw: Draw, **options: Any) -> Call:
    return Call((draw(array("fc", least=2, low=-3, high=3)),), options)


@st.composite
def ranks(draw: Draw) -> Call:
    """Of products of narrow matrices: some singular values are 0 but for rounding."""
    dtype, inner, sides = draw(dtypes("fc")), draw(st.integers(0, 3)), st.integers(1, 4)
    pair = [
        draw(arrays(dtype, shape, low=-3, high=3)) for shape in ((draw(sides), inner), (inner, draw(sides)))
    ]
    return Call((np.round(pair[0]) @ np.round(pair[1]),), {"rtol": 1e-3} if draw(st.booleans()) else {})


@st.composite
def equations(draw: Draw) -> Call:
    a = _square(draw)
    n = a.shape[-1]
    if draw(st.booleans()):
        return Call((a, draw(arrays(a.dtype, (n,)))))
    batch = draw(st.sampled_from([a.shape[:-2], ()]))
    return Call((a, draw(arrays(a.dtype, (*batch, n, draw(SIDES))))))


@st.composite
def diagonals(draw: Draw, kinds: str) -> Call:
    return Call((draw(array(kinds, least=2)),), some(draw, offset=st.integers(-5, 5)))


@st.composite
def traces(draw: Draw) -> Call:
    x = draw(array("ifc", least=2, low=-3, high=3))
    wanted: Any = dtypes("c" if x.dtype.kind == "c" else "f" if x.dtype.kind == "f" else "if")
    return Call((x,), some(draw, offset=st.integers(-5, 5), dtype=wanted))


@st.composite
def powers(draw: Draw) -> Call:
    return Call((_square(draw), draw(st.integers(-2, 5))))


@st.composite
def vector_norms(draw: Draw) -> Call:
    x = draw(array("fc", extent=1))
    orders = st.sampled_from([float("inf"), -float("inf"), 0, 1, 2, 3, 2.5])
    return Call((x,), some(draw, axis=axes(x.ndim), keepdims=st.booleans(), ord=orders))


@st.composite
def matrix_norms(draw: Draw) -> Call:
    x = draw(array("fc", least=2, extent=1))
    orders = st.sampled_from(["fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")])
    return Call((x,), some(draw, keepdims=st.booleans(), ord=orders))


RECIPES = {
    "cholesky": Recipe(positive_definite()),
    "cross": Recipe(crosses()),
    "det": Recipe(squares()),
    "diagonal": Recipe(diagonals("bifc")),
    "eigh": Recipe(hermitian()),
    "eigvalsh": Recipe(hermitian()),
    "inv": Recipe(squares()),
    "matmul": Recipe(products()),
    "matrix_norm": Recipe(matrix_norms()),
    "matrix_power": Recipe(powers()),
    "matrix_rank": Recipe(ranks()),
    "matrix_transpose": unary("bifc", least=2),
    "outer": Recipe(vectors()),
    "pinv": Recipe(ranks()),
    "qr": Recipe(matrices()),
    "slogdet": Recipe(squares()),
    "solve": Recipe(equations()),
    "svd": Recipe(matrices(full_matrices=False)),
    "svdvals": Recipe(matrices()),
    "tensordot": Recipe(contractions()),
    "trace": Recipe(traces(), keeping_dtype),
    "vecdot": Recipe(dots()),
    "vector_norm": Recipe(vector_norms()),
}
