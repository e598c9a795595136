"""Windows over images by plain loops over outputs: the reference of convolutions and pooling."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback.dialects.graph.windows.windows import Padding, Pair


@dataclass(frozen=True)
class WindowLoops:
    """Where windows are, as in `Windows`, found for one output after the other."""

    strides: Pair
    padding: Padding
    dilations: Pair = (1, 1)

    def along(self, axis: int, extent: int, size: int) -> list[list[tuple[int, int]]]:
        """For each output along an axis: the places in the window and in the image, where these exist."""
        stride, dilation = self.strides[axis], self.dilations[axis]
        last = (size - 1) * dilation
        if self.padding == "SAME":
            starts = range(0, extent, stride)
            beyond = max(starts[-1] + last + 1 - extent, 0) if starts else 0
            starts = range(-(beyond // 2), extent - beyond // 2, stride)
        else:
            before, after = self.padding[axis]
            starts = range(-before, extent + after - last, stride)
        return [
            [(i, start + i * dilation) for i in range(size) if 0 <= start + i * dilation < extent]
            for start in starts
        ]

    def each(
        self, image: tuple[int, int], size: tuple[int, int]
    ) -> tuple[Pair, Iterator[tuple[Pair, list[tuple[Pair, Pair]]]]]:
        """How many outputs there are; for each, the places in its window and in the image."""
        rows, columns = self.along(0, image[0], size[0]), self.along(1, image[1], size[1])
        places = (
            ((r, c), [((i, j), (y, x)) for (i, y), (j, x) in itertools.product(rows[r], columns[c])])
            for r, c in itertools.product(range(len(rows)), range(len(columns)))
        )
        return (len(rows), len(columns)), places

    def convolution(self, x: Any, f: Any) -> Any:
        """The sum of products, for each output, window place and group."""
        count, places = self.each(x.shape[1:3], f.shape[:2])
        y = np.zeros((len(x), *count, f.shape[3]), x.dtype)
        for at, window in places:
            for in_window, in_image in window:
                for channels, outputs in _groups(x, f):
                    y[:, *at, outputs] += x[:, *in_image, channels] @ f[*in_window][:, outputs]
        return y

    def transpose(self, x: Any, f: Any, dy: Any, wrt: int) -> Any:
        """What `dy` says of the image, or of the filters, without conjugates."""
        dx, df = np.zeros_like(x), np.zeros_like(f)
        for at, window in self.each(x.shape[1:3], f.shape[:2])[1]:
            for in_window, in_image in window:
                for channels, outputs in _groups(x, f):
                    dx[:, *in_image, channels] += dy[:, *at, outputs] @ f[*in_window][:, outputs].T
                    df[*in_window][:, outputs] += x[:, *in_image, channels].T @ dy[:, *at, outputs]
        return (dx, df)[wrt]

    def pooled(self, x: Any, size: Pair, combine: Callable[[Any], Any]) -> Any:
        """For each output `combine` of what its window has of the image, (elements, N, C)."""
        count, places = self.each(x.shape[1:3], size)
        y = np.zeros((len(x), *count, x.shape[3]), x.dtype)
        for at, window in places:
            y[:, *at] = combine(np.array([x[:, *in_image] for _, in_image in window]))
        return y

    def spread(self, x: Any, dy: Any, size: Pair, shares: Callable[[Any], Any]) -> Any:
        """dy times the `shares` (elements, N, C) of what its window has of the image, added up."""
        dx = np.zeros_like(x)
        for at, window in self.each(x.shape[1:3], size)[1]:
            of_each = shares(np.array([x[:, *in_image] for _, in_image in window]))
            for (_, in_image), share in zip(window, of_each, strict=True):
                dx[:, *in_image] += share * dy[:, *at]
        return dx


def _groups(x: Any, f: Any) -> Iterator[tuple[slice, slice]]:
    """The channels and the outputs of each group."""
    count = x.shape[3] // f.shape[2]
    channels, outputs = f.shape[2], f.shape[3] // count
    for g in range(count):
        yield slice(g * channels, (g + 1) * channels), slice(g * outputs, (g + 1) * outputs)
