"""Phases of the transpose of windows: which windows reach an element of an image, and at which of their positions.

Along an axis with strides of 2 and windows of 3, the padded elements 0, 2, 4, … are in windows at positions 0 and 2,
and the elements 1, 3, 5, … at position 1 alone. So what is added up for the elements of one phase is a convolution
without strides, and the image is made up of as many phases as a stride has elements.

Windows are counted from `low` ones before the first, which are taken to hold zeros, as `high` ones after the last are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import TypeAlias

from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.movement.interleaving import Interleave
from pullback.dialects.graph.movement.padded_slicing import PaddedSlice
from pullback.dialects.graph.movement.padding import Pad
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.windows.windows import Pair, Windows


@dataclass(frozen=True)
class Phase:
    """The elements of an axis whose number leaves one remainder by the stride.

    Args:
        extent: how many there are.
        places: the positions in a window at which windows reach them, last first, so that windows come in order.
        first: the window, counted from the padded ones, that reaches the first of the elements at `places[0]`.
        step: how many windows on the one is that reaches it at the next of the places.
    """

    extent: int
    places: tuple[int, ...]
    first: int
    step: int

    def window(self, element: Affine, number: Affine) -> Affine:
        """The window that reaches an element of the phase at one of its places, of this number."""
        return self.first + element + number * self.step

    def reaching(self, number: int) -> slice:
        """The windows that reach the elements of the phase, one after the other, at one of its places."""
        first = self.first + number * self.step
        return slice(first, first + self.extent)


@dataclass(frozen=True)
class Phases:
    """The phases of an axis, by the number of their first element, and the padding of its windows."""

    phases: tuple[Phase, ...]
    low: int
    high: int


Both: TypeAlias = tuple[Phases, Phases]
"""The phases of rows and of columns."""


def phases_of(windows: Windows, image: Sequence[int], count: Pair) -> Both:
    """Finds the phases of rows and of columns, for images of these extents and so many windows."""
    axes = zip(
        image,
        count,
        windows.size,
        windows.strides,
        windows.dilations,
        (before for before, _ in windows.pads(image)),
        strict=True,
    )
    rows, columns = (_along(*axis) for axis in axes)
    return rows, columns


def _along(extent: int, count: int, size: int, stride: int, dilation: int, before: int) -> Phases:
    found: list[Phase] = []
    for start in range(min(stride, max(extent, 1))):
        around, remainder = divmod(start + before, stride)
        places = [i for i in range(size) if (dilation * i - remainder) % stride == 0][::-1]
        # Window h reaches element q of the phase at place i where stride * (q + around - h) + remainder = dilation * i.
        first = around - (dilation * places[0] - remainder) // stride if places else 0
        found.append(
            Phase(-(-(extent - start) // stride), tuple(places), first, dilation // gcd(stride, dilation))
        )
    reached = [p for p in found if p.places and p.extent]
    low = max([0, *(-p.first for p in reached)])
    last = [p.first + p.extent - 1 + p.step * (len(p.places) - 1) for p in reached]
    high = max([0, *(at - (count - 1) for at in last)])
    return Phases(tuple(Phase(p.extent, p.places, p.first + low, p.step) for p in found), low, high)


def beyond(y: Tensor, around: Both, value: Number = 0) -> Tensor:
    """Emits a value for each window, with others for the windows before the first ones and after the last ones."""
    pads = [(p.low, p.high) for p in around]
    return Pad.around(y, [(0, 0), *pads, (0, 0)], value) if any(map(any, pads)) else y


def reaching(y: Tensor, around: Both, places: tuple[slice, slice], value: Number = 0) -> Tensor:
    """Emits the values of these windows, counted from the padded ones; others for those that do not exist."""
    images, _, _, channels = y.extents
    begin = [place.start - axis.low for place, axis in zip(places, around, strict=True)]
    sizes = [place.stop - place.start for place in places]
    return PaddedSlice.at(y, (0, *begin, 0), (images, *sizes, channels), (1, 1, 1, 1), value)


def joined_phases(part: Callable[[Phase, Phase], Tensor], around: Both) -> Tensor:
    """Emits images from what `part` makes of each phase of rows and of columns."""
    rows, columns = around
    parts = [part(row, column) for row in rows.phases for column in columns.phases]
    return Interleave.at(parts, (1, len(rows.phases), len(columns.phases), 1))


def added_to_windows(
    term: Callable[[int, tuple[slice, slice]], Tensor],
    windows: Windows,
    around: Both,
    zero: Callable[[Pair], Tensor],
) -> Tensor:
    """Emits images to each element of which a term is added for each window that reaches it: the transpose of views.

    Args:
        term: of a position in the window (row-major), for the windows, counted from the padded ones, of these slices.
        windows: whose transpose it is.
        around: their phases.
        zero: the elements of a phase, of these extents, that no window reaches.
    """

    def part(rows: Phase, columns: Phase) -> Tensor:
        terms = [
            term(row * windows.size[1] + column, (rows.reaching(v), columns.reaching(h)))
            for v, row in enumerate(rows.places)
            for h, column in enumerate(columns.places)
        ]
        return reduce(Add.of, terms) if terms else zero((rows.extent, columns.extent))

    return joined_phases(part, around)
