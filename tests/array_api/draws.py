"""How arguments are drawn: dtypes, shapes with extents of 0 and 1, values with NaN and infinities, axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import hypothesis.extra.numpy as hnp
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from pullback.tests.array_api.calls import Call

Array: TypeAlias = npt.NDArray[Any]
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
Shape: TypeAlias = tuple[int, ...]

KINDS = {
    "b": ("bool",),
    "i": ("int8", "int16", "int32", "int64", "uint8"),
    "f": ("float32", "float64"),
    "c": ("complex64", "complex128"),
}
"""The dtypes that both have, by what the standard calls boolean, integer, real and complex floating-point."""

ODD = st.sampled_from([(), (0,), (1,), (17,), (3, 5), (0, 4), (2, 1, 3), (2, 3, 1, 2), (4, 3)])


def same(call: Call) -> Call:
    """The call as it is: the standard says it in the same way."""
    return call


@dataclass(frozen=True)
class Recipe:
    """Calls of a function, and how the standard says what we mean by them where it differs."""

    calls: st.SearchStrategy[Call]
    standard: Callable[[Call], Call] = same
    elements: bool = True
    """Whether the standard says what the elements are."""


def dtypes(kinds: str) -> st.SearchStrategy[np.dtype[Any]]:
    """A dtype of these kinds."""
    return st.sampled_from([np.dtype(name) for kind in kinds for name in KINDS[kind]])


def shapes(least: int = 0, most: int = 4, extent: int = 0) -> st.SearchStrategy[Shape]:
    """A shape with so many axes and extents from `extent` to 4, or one of `ODD`."""
    drawn = hnp.array_shapes(min_dims=least, max_dims=most, min_side=extent, max_side=4)
    odd = ODD.filter(lambda shape: least <= len(shape) <= most and min(shape, default=extent) >= extent)
    return st.one_of(drawn, odd)


def values(dtype: np.dtype[Any], low: float = -9, high: float = 9, special: bool = False) -> Any:
    """Numbers of a dtype within bounds; with `special`, NaN, infinities and -0.0 too."""
    match dtype.kind:
        case "b":
            return st.booleans()
        case "u":
            return st.integers(max(int(low), 0), int(high))
        case "i":
            return st.integers(int(low), int(high))
        case "f":
            numbers = st.floats(low, high, width=32, allow_subnormal=False)
            extra = [float("nan"), float("inf"), -float("inf"), -0.0]
            return st.one_of(numbers, st.sampled_from(extra)) if special else numbers
        case _:
            parts = st.floats(low, high, width=32, allow_subnormal=False)
            return st.builds(complex, parts, parts)


def arrays(dtype: np.dtype[Any], shape: Any, **bounds: Any) -> st.SearchStrategy[Array]:
    """Arrays of `values`."""
    return hnp.arrays(dtype, shape, elements=values(dtype, **bounds))


@st.composite
def array(draw: Draw, kinds: str, least: int = 0, most: int = 4, extent: int = 0, **bounds: Any) -> Array:
    """An array of any dtype and shape."""
    return draw(arrays(draw(dtypes(kinds)), draw(shapes(least, most, extent)), **bounds))


@st.composite
def broadcasting(draw: Draw, kinds: str, count: int = 2, **bounds: Any) -> list[Array]:
    """Arrays of one dtype whose shapes broadcast."""
    dtype = draw(dtypes(kinds))
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=4, max_side=4, min_side=0)
    return [draw(arrays(dtype, shape, **bounds)) for shape in draw(drawn).input_shapes]


def axis(rank: int) -> st.SearchStrategy[int]:
    """An axis, counted from either end."""
    return st.integers(-rank, rank - 1)


def axes(rank: int) -> st.SearchStrategy[Any]:
    """One axis, several or none of them, or `None`."""
    several = hnp.valid_tuple_axes(rank) if rank else st.just(())
    return st.one_of(st.none(), several, axis(rank)) if rank else st.one_of(st.none(), several)


def some(draw: Draw, **options: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Each of these options, or not: then the default counts."""
    return {name: draw(option) for name, option in options.items() if draw(st.booleans())}


def unary(kinds: str, **bounds: Any) -> Recipe:
    """Calls with one array."""
    return Recipe(array(kinds, **bounds).map(lambda x: Call((x,))))


def binary(kinds: str, **bounds: Any) -> Recipe:
    """Calls with two arrays that broadcast."""
    return Recipe(broadcasting(kinds, **bounds).map(lambda pair: Call(tuple(pair))))


def permutation(length: int) -> st.SearchStrategy[Sequence[int]]:
    """The numbers below `length` in any order."""
    return st.permutations(range(length)).map(tuple)
