"""Elementwise functions, and queries of dtypes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pullback.tests.array_api.calls import Call
from pullback.tests.array_api.draws import (
    Draw,
    Recipe,
    array,
    arrays,
    binary,
    broadcasting,
    dtypes,
    shapes,
    some,
    unary,
)


@st.composite
def powers(draw: Draw) -> Call:
    base, exponent = draw(broadcasting("ifc", low=0, high=5))
    whole = base.dtype.kind in "iu"
    return Call((np.asarray(base if whole else base + 1), np.asarray(exponent if whole else exponent - 2)))


@st.composite
def quotients(draw: Draw) -> Call:
    """Of integers by others than zero, which NumPy refuses with a warning and others do not define."""
    a, b = draw(broadcasting("if"))
    return Call((a, np.where(b == 0, b.dtype.type(1), b)))


@st.composite
def shifts(draw: Draw) -> Call:
    a, b = draw(broadcasting("i", low=0, high=6))
    return Call((a, b))


@st.composite
def clipped(draw: Draw) -> Call:
    x = draw(array("if", special=True))
    low = draw(st.one_of(st.none(), arrays(x.dtype, x.shape[-1:], low=0, high=3)))
    high = draw(st.one_of(st.none(), arrays(x.dtype, x.shape[-1:], low=4, high=7)))
    return Call((x,), {name: b for name, b in (("min", low), ("max", high)) if b is not None})


@st.composite
def casts(draw: Draw) -> Call:
    """To any dtype but from complex numbers to real ones, which the standard refuses."""
    x = draw(array("bifc", low=0))
    return Call((x, draw(dtypes("c" if x.dtype.kind == "c" else "bifc"))))


@st.composite
def choices(draw: Draw) -> Call:
    a, b = draw(broadcasting("bifc", special=True))
    condition = draw(arrays(draw(dtypes("b")), draw(st.sampled_from([a.shape, b.shape, ()]))))
    return Call((condition, a, b))


@st.composite
def conversions(draw: Draw) -> Call:
    x = draw(array("bifc", low=0))
    wanted = dtypes("c" if x.dtype.kind == "c" else "fc" if x.dtype.kind == "f" else "bifc")
    return Call((x,), some(draw, dtype=wanted))


@st.composite
def memberships(draw: Draw) -> Call:
    """Without `invert`, which array-api-strict 2.6 forgets."""
    x = draw(array("i", high=5))
    return Call((x, draw(arrays(x.dtype, draw(shapes(0, 2)), high=5))))


TRIGONOMETRIC = {
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
}
EXPONENTIAL = {"exp", "expm1", "log", "log10", "log1p", "log2", "sqrt"}
COMPARISONS = {"greater", "greater_equal", "less", "less_equal"}

RECIPES = {
    **{name: unary("f", special=True) for name in TRIGONOMETRIC | EXPONENTIAL},
    **{name: unary("if", special=True) for name in ("ceil", "floor", "trunc")},
    **{
        name: unary("ifc", special=True)
        for name in ("negative", "positive", "square", "isfinite", "isinf", "isnan")
    },
    **{name: binary("if", special=True) for name in COMPARISONS | {"maximum", "minimum"}},
    **{name: binary("ifc", special=True) for name in ("add", "subtract", "multiply")},
    **{name: binary("bifc", special=True) for name in ("equal", "not_equal")},
    **{name: binary("b") for name in ("logical_and", "logical_or", "logical_xor")},
    **{name: binary("bi") for name in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: Recipe(shifts()) for name in ("bitwise_left_shift", "bitwise_right_shift")},
    **{name: Recipe(quotients()) for name in ("floor_divide", "remainder")},
    **{name: binary("f", special=True) for name in ("atan2", "copysign", "hypot", "logaddexp", "nextafter")},
    "abs": unary("ifc"),
    "asarray": Recipe(conversions()),
    "astype": Recipe(casts()),
    "bitwise_invert": unary("bi"),
    "clip": Recipe(clipped()),
    "conj": unary("ifc"),
    "divide": binary("fc"),
    "imag": unary("c"),
    "isin": Recipe(memberships()),
    "logical_not": unary("b"),
    "pow": Recipe(powers()),
    "real": unary("ifc"),
    "reciprocal": unary("fc"),
    "round": unary("ifc"),
    "sign": unary("ifc"),
    "signbit": unary("f", special=True),
    "where": Recipe(choices()),
}
