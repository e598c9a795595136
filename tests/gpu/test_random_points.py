"""Random pointwise kernels of views: whatever vectors and stages their accesses get, results are NumPy's to the bit."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.passes.gpu import pointwise_tuning
from pullback.tests.gpu.points import Points, check

EXTENTS = st.lists(st.sampled_from([1, 2, 3, 4, 5, 8, 16, 17, 20, 33, 36]), min_size=1, max_size=4).filter(
    lambda extents: prod(extents) <= 20_000
)


class Views:
    """Inputs of a kernel, and what brings each of them to the shape of the result."""

    def __init__(self, draw: st.DrawFn, extents: list[int], dtype: str) -> None:
        self.draw, self.extents, self.dtype = draw, extents, dtype
        self.inputs: list[str] = []
        self.lines: list[str] = []

    def value(self) -> str:
        """The name of a value of the result's shape."""
        made = [self.whole, self.turned, self.repeated, self.sliced, self.picked]
        return self.draw(st.sampled_from(made))()

    def input(self, extents: list[int], dtype: str | None = None) -> str:
        self.inputs.append("x".join(map(str, [*extents, dtype or self.dtype])))
        return f"%{len(self.inputs) - 1}"

    def line(self, op: str, *operands: str, attributes: str = "") -> str:
        types = ", ".join(f"tensor<{self.inputs[int(o[1:])]}>" for o in operands)
        self.lines.append(
            f"%v{len(self.lines)} = graph.{op} {', '.join(operands)} {attributes} : ({types}) -> TYPE"
        )
        return f"%v{len(self.lines) - 1}"

    def whole(self) -> str:
        return self.input(self.extents)

    def turned(self) -> str:
        order = self.draw(st.permutations(range(len(self.extents))))
        source = [self.extents[order.index(axis)] for axis in range(len(order))]
        permutation = f"{{permutation = array<i64: {', '.join(map(str, order))}>}}"
        return self.line("transpose", self.input(source), attributes=permutation)

    def repeated(self) -> str:
        source = [self.draw(st.sampled_from([1, n])) for n in self.extents]
        return self.line("broadcast_to", self.input(source))

    def sliced(self) -> str:
        begin = [self.draw(st.sampled_from([0, 0, 4, 1])) for _ in self.extents]
        stride = [self.draw(st.sampled_from([1, 1, 2])) for _ in self.extents]
        end = [b + (n - 1) * s + 1 for b, n, s in zip(begin, self.extents, stride, strict=True)]
        source = [n + self.draw(st.sampled_from([0, 3])) for n in end]
        named = {"begin": begin, "end": end, "strides": stride}
        bounds = ", ".join(f"{name} = array<i64: {', '.join(map(str, ns))}>" for name, ns in named.items())
        return self.line("strided_slice", self.input(source), attributes=f"{{{bounds}}}")

    def picked(self) -> str:
        count, *row = self.extents
        return self.line("gather", self.input([8, *row]), self.input([count], "i32"))


@st.composite
def kernels(draw: st.DrawFn) -> Points:
    """The largest of a few views."""
    views = Views(draw, draw(EXTENTS), draw(st.sampled_from(["f32", "f64", "i32"])))
    values = [views.value() for _ in range(draw(st.integers(1, 3)))]
    lines, last = list(views.lines), values[0]
    for number, value in enumerate(values[1:]):
        lines.append(f"%s{number} = graph.maximum {last}, {value} : TYPE")
        last = f"%s{number}"
    body = "\n".join([*lines, f"%y = graph.negative {last} : TYPE"])
    return Points(views.inputs, body, "x".join(map(str, [*views.extents, views.dtype])))


def eager(patch: pytest.MonkeyPatch) -> None:
    """Takes vectors and stages wherever that is possible, for small spaces, too."""
    patch.setattr(pointwise_tuning, "BUSY_BLOCKS", 0)
    patch.setattr(pointwise_tuning, "LEAST_STAGED", 2)


@given(kernels())
@settings(max_examples=40)
def test_on_the_emulator(points: Points) -> None:
    with pytest.MonkeyPatch.context() as patch:
        eager(patch)
        check(points)


@pytest.mark.slow
@pytest.mark.compiler
@given(kernels())
@settings(max_examples=40)
def test_as_text(points: Points) -> None:
    with pytest.MonkeyPatch.context() as patch:
        eager(patch)
        check(points, "fibers")
