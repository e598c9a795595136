"""Reductions, scans, searching and sorting along axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from pullback.tests.array_api.calls import Call
from pullback.tests.array_api.draws import Draw, Recipe, array, arrays, axes, axis, dtypes, some


def keeping_dtype(call: Call) -> Call:
    """The call with the dtype of its array, which the result has here."""
    return call.having(dtype=call.arguments[0].dtype)


def _wider(x: Any) -> st.SearchStrategy[np.dtype[Any]]:
    return dtypes("c" if x.dtype.kind == "c" else "f" if x.dtype.kind == "f" else "if")


@st.composite
def reductions(draw: Draw, kinds: str, extent: int = 0, special: bool = False) -> Call:
    x = draw(array(kinds, extent=extent, special=special))
    return Call((x,), some(draw, axis=axes(x.ndim), keepdims=st.booleans()))


@st.composite
def totals(draw: Draw) -> Call:
    x = draw(array("ifc", low=-3, high=3))
    return Call((x,), some(draw, axis=axes(x.ndim), keepdims=st.booleans(), dtype=_wider(x)))


@st.composite
def running_totals(draw: Draw) -> Call:
    x = draw(array("ifc", least=1, low=-3, high=3))
    options = some(draw, dtype=_wider(x), include_initial=st.booleans())
    along = {} if x.ndim == 1 and draw(st.booleans()) else {"axis": draw(axis(x.ndim))}
    return Call((x,), options | along)


@st.composite
def spreads(draw: Draw) -> Call:
    """With a correction that leaves something to divide by."""
    x = draw(array("f", extent=3))
    correction = st.sampled_from([0.0, 1, 1.5])
    options = some(draw, axis=axes(x.ndim), keepdims=st.booleans())
    reduced = options.get("axis", range(x.ndim))
    return Call((x,), options | (some(draw, correction=correction) if reduced != () and x.ndim else {}))


@st.composite
def positions(draw: Draw) -> Call:
    x = draw(array("if", extent=1, special=True))
    along = st.one_of(st.none(), axis(x.ndim)) if x.ndim else st.none()
    return Call((x,), some(draw, axis=along, keepdims=st.booleans()))


@st.composite
def orders(draw: Draw) -> Call:
    x = draw(array("if", least=1))
    options = some(draw, axis=axis(x.ndim), descending=st.booleans(), stable=st.just(True))
    return Call((x,), options)


@st.composite
def insertions(draw: Draw) -> Call:
    dtype = draw(dtypes("if"))
    line = np.sort(draw(arrays(dtype, draw(st.integers(0, 9)))))
    wanted = draw(arrays(dtype, draw(st.sampled_from([(), (0,), (3,), (2, 3)]))))
    return Call((line, wanted), some(draw, side=st.sampled_from(["left", "right"])))


@st.composite
def differences(draw: Draw) -> Call:
    x = draw(array("ifc", least=1))
    along = some(draw, axis=axis(x.ndim))
    at = along.get("axis", -1)
    ends: dict[str, Any] = {}
    for name in ("prepend", "append"):
        if draw(st.booleans()):
            shape = list(x.shape)
            shape[at] = draw(st.integers(0, 2))
            ends[name] = draw(arrays(x.dtype, tuple(shape)))
    return Call((x,), along | ends | some(draw, n=st.integers(0, 3)))


RECIPES = {
    "all": Recipe(reductions("bifc", special=True)),
    "any": Recipe(reductions("bifc", special=True)),
    "argmax": Recipe(positions()),
    "argmin": Recipe(positions()),
    "argsort": Recipe(orders()),
    "count_nonzero": Recipe(reductions("bifc", special=True)),
    "cumulative_prod": Recipe(running_totals(), keeping_dtype),
    "cumulative_sum": Recipe(running_totals(), keeping_dtype),
    "diff": Recipe(differences()),
    "max": Recipe(reductions("if", extent=1, special=True)),
    "mean": Recipe(reductions("fc")),
    "min": Recipe(reductions("if", extent=1, special=True)),
    "prod": Recipe(totals(), keeping_dtype),
    "searchsorted": Recipe(insertions()),
    "sort": Recipe(orders()),
    "std": Recipe(spreads()),
    "sum": Recipe(totals(), keeping_dtype),
    "var": Recipe(spreads()),
}
