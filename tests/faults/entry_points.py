"""Entry points of data: each a function from data and a dtype to the array that is made of it."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb

UNTYPED: Any = pb
EntryPoint = Callable[[Any, str], Any]


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of whatever data this is."""
    if isinstance(value, Exchanged):
        return value.of.shape
    if isinstance(value, list | tuple):
        return np.shape(np.array(value, object)) if not any(isinstance(v, Exchanged) for v in value) else ()
    return getattr(value, "shape", (len(value),) if isinstance(value, memoryview | array.array) else ())


def _extents(value: Any) -> tuple[None, ...]:
    try:
        return (None,) * len(_shape(value))
    except ValueError:  # ragged
        return (None,)


def _static(value: Any) -> tuple[int, ...]:
    try:
        return _shape(value)[:8]
    except ValueError:
        return ()


def _fed(value: Any, dtype: str) -> Any:
    with pb.Graph():
        x = pb.placeholder(dtype, _extents(value)[:8])
        (found,) = pb.compile([x], [pb.identity(x)], target="numpy")(value)
    return found


def _assigned(value: Any, dtype: str) -> Any:
    with pb.Graph():
        v = pb.Variable(np.zeros(_static(value)), dtype=dtype)
        return pb.run([v.assign(value), v])[1]


def _beside(value: Any, dtype: str) -> Any:
    with pb.Graph():
        one = pb.ones((), dtype)
        return pb.run(pb.where(True, value, one))


def _checked(value: Any, dtype: str) -> Any:
    """The feeds of a check of gradients, seen from inside."""
    from pullback.frontend.gradients.check_gradients import _point

    with pb.Graph() as g:
        x = pb.placeholder(dtype, _extents(value)[:8])
        (found,) = _point(g, {x: value}, (0.0, 1.0)).inputs
    return found


ENTRY_POINTS: dict[str, EntryPoint] = {
    "constant": lambda value, dtype: pb.run(pb.constant(value)),
    "constant of a dtype": lambda value, dtype: pb.run(pb.constant(value, dtype)),
    "asarray": lambda value, dtype: pb.run(pb.asarray(value)),
    "asarray of a dtype": lambda value, dtype: pb.run(pb.asarray(value, dtype)),
    "variable": lambda value, dtype: pb.Variable(value).numpy(),
    "variable of a dtype": lambda value, dtype: pb.Variable(value, dtype=dtype).numpy(),
    "assign": _assigned,
    "feed": _fed,
    "beside a tensor": _beside,
    "check of gradients": _checked,
}
CALLS: dict[str, EntryPoint] = {
    "argument": lambda value, dtype: pb.function(lambda x: x, target="numpy")(value),
    "argument of a product": lambda value, dtype: pb.vjp(lambda x: x, value, target="numpy")[0],
}
"""Roads outside of all graphs, on which lists are nests."""


class Exchanged:
    """An array of another library, which speaks DLPack."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __dlpack__(self, **options: Any) -> Any:
        return self.of.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.of.__dlpack_device__()
