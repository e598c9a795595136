"""Random graphs over all operations: every target and the oracle agree, on values and on gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import DYNAMIC_INDEX

import pullback as pb
from pullback.dialects.graph.tensor.types import SlicesType, is_float, is_inexact, shape_of_type
from pullback.tests.graphs import sample, type_from
from pullback.tests.ops.case import Case
from pullback.tests.ops.collected import CASES
from pullback.tests.targets import COMPILED, share

pytestmark = pytest.mark.filterwarnings(
    "ignore::pullback.passes.placement.device_warnings.DeviceWarning"
)  # some cases name devices, which the processor ignores
ALL = [(name, case) for name, cases in CASES.items() for case in cases]


@dataclass
class Program:
    """A graph that grows case by case; each may read what earlier ones made."""

    rng: np.random.Generator
    inputs: list[pb.Tensor] = field(default_factory=list[pb.Tensor])
    arrays: list[Any] = field(default_factory=list[Any])
    pool: list[pb.Tensor] = field(default_factory=list[pb.Tensor])
    outputs: list[pb.Tensor] = field(default_factory=list[pb.Tensor])

    def add(self, case: Case) -> None:
        """Applies a case to values of the graph, where their types fit, and to new inputs."""
        made = case.body(*(self._argument(case, i) for i in range(len(case.types))))
        for y in [made] if isinstance(made, pb.Tensor) else made:
            if isinstance(y.type, SlicesType):
                continue
            self.outputs.append(y)
            # A rule may need extents that are known: then the case has no orders.
            if is_float(y.element_type) and (case.orders or "?" not in "".join(case.types)):
                # Positive, and neither small nor large, as the values that cases are made for. No slope is a small
                # difference (as of a tanh near 1), which would make more of a last bit than targets have in common.
                self.pool.append(0.6 / (pb.square(y) + 1.0) + 1.0)

    def _argument(self, case: Case, i: int) -> pb.Tensor:
        type_ = type_from(case.types[i].replace("?", "3"))
        sampler = case.samples[i] if i < len(case.samples) else None
        # What jumps, or asks for values of its own, reads inputs alone: elsewhere targets may differ in a last bit.
        if sampler is None and case.orders and "?" not in case.types[i]:
            fitting = [t for t in self.pool if t.type == type_]
            if fitting and self.rng.random() < 0.7:
                return fitting[self.rng.integers(len(fitting))]
        values = sample(self.rng, type_)
        if sampler is not None:
            values = np.asarray(sampler(self.rng, values.shape)).astype(values.dtype)
        self.arrays.append(values)
        shape = [None if n == DYNAMIC_INDEX else n for n in shape_of_type(type_from(case.types[i]))]
        self.inputs.append(pb.placeholder(values.dtype, shape, name=f"x{len(self.inputs)}"))
        return self.inputs[-1]

    def results(self) -> list[pb.Tensor]:
        """Every value, and the gradients of what was made of them."""
        xs = [x for x in self.inputs if is_inexact(x.element_type)]
        found = pb.gradients([pb.sum(y) for y in self.pool], xs) if self.pool and xs else []
        dense = [
            pb.identity(g.values) if isinstance(g, pb.IndexedSlices) else g for g in found if g is not None
        ]
        return [*self.outputs, *dense]


def _run(picked: Sequence[int], seed: int, target: str) -> list[Any]:
    with pb.Graph():
        program = Program(np.random.default_rng(seed))
        for i in picked:
            program.add(ALL[i][1])
        step = pb.compile(program.inputs, program.results(), target=target)
    return step(*program.arrays)


def check_agreement(picked: Sequence[int], seed: int, target: str) -> None:
    """Values and gradients of a graph of some cases, on a target and on the oracle."""
    names = [ALL[i][0] for i in picked]
    with np.errstate(all="ignore"):
        expected, got = _run(picked, seed, "numpy"), _run(picked, seed, target)
    # Cases of narrow dtypes say how well they are known; gradients round a few times more.
    relative = max(1e-7, *(10 * ALL[i][1].tolerance for i in picked))
    for number, (a, b) in enumerate(zip(got, expected, strict=True)):
        message = f"result {number} of {names}"
        np.testing.assert_allclose(a, b, rtol=relative, atol=relative / 10, equal_nan=True, err_msg=message)


@pytest.mark.parametrize("target", COMPILED)
def test_compiled_code_is_the_oracle(target: str) -> None:
    @given(st.lists(st.integers(0, len(ALL) - 1), min_size=2, max_size=6), st.integers(0, 2**16))
    @settings(max_examples=share(40, target))
    def agrees(picked: list[int], seed: int) -> None:
        check_agreement(picked, seed, target)

    agrees()
