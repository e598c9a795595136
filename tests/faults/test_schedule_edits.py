"""Edits of schedules and memory plans that passed the check, and then left results unwritten or wrote out of bounds.

Whatever numbers someone writes there: `verify-level{level=kernels}` refuses them, or every target gives the evaluator's
values. Accepted texts run as loops first, in the interpreter that stops at each access out of bounds and at each read
of uninitialised memory, so that native code is only given what is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.utils.exceptions import ParseError, VerifyException

from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.schedule import KINDS
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import element_type_of, numpy_dtype, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.layout import Layout
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import lowered, main_function
from pullback.tests.faults.schedule_programs import ON_CPU_ALONE, PROGRAMS

Array = npt.NDArray[Any]
REFUSALS = (DiagnosticError, ParseError, VerifyException)
EDITABLE = re.compile(r"schedule<[^>]*>|memory = \[[^\]]*\]|graph\.arena = \d+")
NUMBER = re.compile(r"(?<![\w.])\d+(?!\w)")
EXTENTS = re.compile(r"= \[([\d, ]*)\]")
KIND = re.compile(r"kind = (\w+)")


@cache
def scheduled(name: str) -> str:
    """The text of a program at level `kernels`."""
    return print_module(lowered(parse(context(), PROGRAMS[name]).module, "finish,kernels"))


# ---- edits ----------------------------------------------------------------------------------------------------


def places(text: str, what: re.Pattern[str]) -> list[re.Match[str]]:
    """What may be edited: matches within schedules and memory plans."""
    return [m for s in EDITABLE.finditer(text) for m in what.finditer(text, s.start(), s.end())]


def replaced(text: str, place: re.Match[str], new: str) -> str:
    return text[: place.start()] + new + text[place.end() :]


@st.composite
def numbers(draw: Callable[[Any], Any], text: str) -> str:
    """Another number in one place: near it, from another place, too large, negative."""
    found = places(text, NUMBER)
    place = draw(st.sampled_from(found))
    n = int(place[0])
    near = [0, 1, n + 1, n - 1, 2 * n, n // 2, 64, 192, 2**40, 2**62]
    return replaced(
        text, place, str(draw(st.one_of(st.sampled_from(near), st.sampled_from([m[0] for m in found]))))
    )


@st.composite
def extents(draw: Callable[[Any], Any], text: str) -> str:
    """Extents in another order, one more, one less, two as one, one as two."""
    place = draw(st.sampled_from(places(text, EXTENTS)))
    old = [int(n) for n in place[1].split(",") if n.strip()]
    new = draw(st.permutations(old))
    at = draw(st.integers(0, len(old)))
    match draw(st.integers(0, 4)):
        case 0:
            new = [*new[:at], draw(st.sampled_from([0, 1, 2, 5])), *new[at:]]
        case 1:
            new = [*old[:at], *old[at + 1 :]]
        case 2:
            new = [*old[:at], int(np.prod(old[at : at + 2])), *old[at + 2 :]]
        case 3 if at < len(old) and old[at] % 2 == 0:
            new = [*old[:at], 2, old[at] // 2, *old[at + 1 :]]
        case _:
            pass
    return replaced(text, place, f"= {new}")


@st.composite
def reduced(draw: Callable[[Any], Any], text: str) -> str:
    """Reduced extents where there were none."""
    place = draw(st.sampled_from(places(text, KIND)))
    return replaced(text, place, f"{place[0]}, reduce = [{draw(st.sampled_from([0, 1, 2, 5]))}]")


@st.composite
def kinds(draw: Callable[[Any], Any], text: str) -> str:
    """Another kind of kernel."""
    place = draw(st.sampled_from(places(text, KIND)))
    return replaced(text, place, f"kind = {draw(st.sampled_from(sorted(KINDS)))}")


@st.composite
def edits(draw: Callable[[Any], Any]) -> tuple[str, str]:
    """The name of a program, and its text with one to three edits."""
    name = draw(st.sampled_from(sorted(PROGRAMS)))
    text = scheduled(name)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        edit = draw(st.sampled_from([numbers, numbers, numbers, extents, reduced, kinds]))
        text = draw(edit(text))
    return name, text


# ---- runs -----------------------------------------------------------------------------------------------------


def data(text: str) -> tuple[list[Array], dict[str, Array]]:
    """Inputs, and the contents of variables."""
    function = main_function(parse(context(), text).module)
    rng = np.random.default_rng(0)

    def draw(type_: Any) -> Array:
        shape, dtype = shape_of_type(type_), numpy_dtype(element_type_of(type_))
        if np.issubdtype(dtype, np.integer):
            return rng.integers(-1, 4, shape).astype(dtype)
        return np.asarray(rng.uniform(-1, 1, shape), dtype)

    references = [op for op in function.walk() if isinstance(op, VariableOp)]
    inputs = [draw(argument.type) for argument in function.body.block.args]
    return inputs, {op.label: draw(op.results[0].type.data_type) for op in references}  # pyright: ignore[reportAttributeAccessIssue] a reference


def run(text: str, target: str) -> list[Array]:
    """Results, and what is left in the variables."""
    inputs, variables = data(text)
    module = parse(context(), text).module
    if target != "loops":
        return [*compile_function(module, target)(inputs, variables), *variables.values()]
    loops = lowered(module, "loops")
    layout = Layout.of(loops, module)
    outputs = {at: np.zeros_like(pool.take()) for at, pool in layout.outputs.items()}
    buffers = dict(zip(layout.inputs, inputs, strict=True)) | outputs | dict(layout.arenas)
    buffers |= {at: variables[name] for at, name in layout.variables.items()}
    interpret(loops, [buffers[at] for at in sorted(buffers)], undefined=[*outputs, *layout.arenas])
    return [*outputs.values(), *variables.values()]


def is_refused(text: str) -> bool:
    try:
        lowered(parse(context(), text).module, "verify-level{level=kernels}")
    except REFUSALS:
        return True
    return False


def check(name: str, text: str) -> None:
    """All targets compute what the evaluator does, or say what they have no kernel for."""
    expected = run(text, "numpy")
    for target in ("loops", "cpu", *(() if name in ON_CPU_ALONE else ("simt",))):
        try:
            found = run(text, target)
        except MemoryError:  # an arena that this machine has not got
            continue
        for got, value in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, value, rtol=1e-4, atol=1e-5, err_msg=target)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_passes_state(name: str) -> None:
    text = scheduled(name)
    assert not is_refused(text)
    check(name, text)


@given(edits())
def test_an_edit_is_refused_or_right(edited: tuple[str, str]) -> None:
    name, text = edited
    if not is_refused(text):
        check(name, text)


# ---- the number of points -------------------------------------------------------------------------------------


def pointwise(shape: Sequence[int], schedule: str, body: str = "graph.exp %0") -> str:
    type_ = f"tensor<{''.join(f'{n}x' for n in shape)}f32>"
    return f"""
func.func @main(%x: {type_}) -> {type_} attributes {{graph.arena = 0 : i64}} {{
  %y = graph.kernel %x schedule<{schedule}> {{memory = [#graph.buffer<output, 0>]}} : {type_} {{
  ^bb0(%0: {type_}):
    %1 = {body} : {type_}
    graph.yield %1 : {type_}
  }}
  func.return %y : {type_}
}}
"""


@pytest.mark.matrix(30)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 4), (0, 3), ()], ids=str)
@pytest.mark.parametrize("kind", ["pointwise", "rows", "columns"])
@pytest.mark.parametrize(
    "parallel", [(), (0,), (1,), (4,), (5,), (6,), (2, 3), (3, 2), (5, 0), (0, 3), (1, 5, 1)], ids=str
)
def test_points_are_elements(shape: Sequence[int], kind: str, parallel: Sequence[int]) -> None:
    """Accepted where there are as many points as elements; a single one is stored outside of all loops."""
    text = pointwise(shape, f"kind = {kind}, parallel = {list(parallel)}")
    if not is_refused(text):
        assert shape == () or np.prod(parallel) == np.prod(shape)
        check("points", text)
    else:
        assert [n for n in parallel if n != 1] != [n for n in shape if n != 1]


def message(text: str, pipeline: str) -> str:
    with pytest.raises(DiagnosticError) as caught:
        lowered(parse(context(), text).module, pipeline)
    return str(caught.value)


ROADS = ["verify-level{level=kernels}", "lower-to-loops", "lower-to-gpu"]


@pytest.mark.parametrize("pipeline", ROADS)
def test_fewer_points_than_elements(pipeline: str) -> None:
    text = pointwise((5,), "kind = pointwise, parallel = [4]")
    assert "result 0 has 5 elements, and its loops have 4 points" in message(text, pipeline)


@pytest.mark.parametrize("pipeline", ROADS)
def test_loops_that_never_run(pipeline: str) -> None:
    text = pointwise((5,), "kind = rows, parallel = [0], reduce = [5]")
    assert "result 0 is stored again for each point of other loops" in message(text, pipeline)


SUMS = """
func.func @main(%x: tensor<2x3x3xf32>) -> tensor<2x3x3xf32> attributes {graph.arena = 0 : i64} {
  %r = graph.kernel %x schedule<kind = rows, parallel = [PARALLEL], reduce = [REDUCE]>
      {memory = [#graph.buffer<output, 0>]} : tensor<2x3x3xf32> {
  ^bb0(%a: tensor<2x3x3xf32>):
    %s = graph.sum %a {axes = array<i64: 2>KEEPDIMS} : (tensor<2x3x3xf32>) -> tensor<SHAPExf32>
    %y = graph.multiply %a, %s : (tensor<2x3x3xf32>, tensor<SHAPExf32>) -> tensor<2x3x3xf32>
    graph.yield %y : tensor<2x3x3xf32>
  }
  func.return %r : tensor<2x3x3xf32>
}
"""


def sums(**parts: str) -> str:
    text = SUMS
    for name, part in parts.items():
        text = text.replace(name, part)
    return text


@pytest.mark.parametrize("pipeline", ROADS)
def test_a_reduction_over_some_of_the_loops(pipeline: str) -> None:
    text = sums(PARALLEL="2", REDUCE="3, 3", KEEPDIMS=", keepdims", SHAPE="2x3x1")
    assert "'graph.sum' is reduced along some of the loops" in message(text, pipeline)


@pytest.mark.parametrize("pipeline", ROADS)
def test_a_reduction_along_the_loop_of_its_result(pipeline: str) -> None:
    text = sums(PARALLEL="2, 3", REDUCE="3", KEEPDIMS="", SHAPE="2x3").replace("2x3x3", "3x3")
    text = text.replace("2x3xf32", "3xf32").replace("i64: 2>", "i64: 1>").replace("[2, 3]", "[3]")
    assert "'graph.sum' is reduced along the loop that its result runs along" in message(text, pipeline)
