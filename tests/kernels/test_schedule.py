"""`#graph.schedule` as text: what is parsed is printed, and errors are at the word that is wrong."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

import pullback.passes.kernels
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import (
    KINDS,
    TARGETS,
    CpuTuning,
    GpuTuning,
    Schedule,
    ScheduleAttr,
)
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.check import check_gpu_tuning
from pullback.passes.pipeline.verify_level import verify_level

NUMBERS = st.integers(0, 2**63 - 1)
EXTENTS = st.lists(NUMBERS, max_size=4).map(tuple)


def values_of(key: Field[Any]) -> st.SearchStrategy[Any]:
    """The values that a parameter may have, and `None` where it may be left open."""
    if words := key.metadata.get("words"):
        return st.none() | st.sampled_from(words)
    values = EXTENTS if "tuple" in str(key.type) else NUMBERS
    return values if key.default == () else st.none() | values


SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(sorted(KINDS)),
    EXTENTS,
    EXTENTS,
    st.builds(CpuTuning, st.none() | NUMBERS, st.none() | NUMBERS, EXTENTS),
    st.builds(GpuTuning, **{key.name: values_of(key) for key in fields(GpuTuning)}),
)


KERNEL = """
func.func @main(%x: tensor<8x4xf32>) -> tensor<8xf32> {
  %y = graph.kernel %x schedule<kind = rows, parallel = [8], reduce = [4]> : (tensor<8x4xf32>) -> tensor<8xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>} : (tensor<8x4xf32>) -> tensor<8xf32>
    graph.yield %1 : tensor<8xf32>
  }
  func.return %y : tensor<8xf32>
}
"""


@given(SCHEDULES)
def test_what_is_printed_is_parsed(schedule: Schedule) -> None:
    attribute = ScheduleAttr(schedule)
    assert Parser(context(), str(attribute)).parse_attribute() == attribute


@pytest.mark.parametrize(
    ("wrong", "column"), [("tpu = {}", 1), ("cpu = {speed = 9}", 8), ("cpu = {vector = 8, tile = 9}", 27)]
)
def test_errors_are_where_they_are_made(wrong: str, column: int) -> None:
    before = "#graph.schedule<kind = pointwise, "
    with pytest.raises(ParseError) as caught:
        Parser(context(), f"{before}{wrong}>").parse_attribute()
    assert caught.value.span.start == len(before) + column - 1


@pytest.mark.parametrize("tuning", [CpuTuning, GpuTuning])
def test_the_page_of_level_kernels_has_a_row_for_each_key(tuning: type[CpuTuning | GpuTuning]) -> None:
    target = next(name for name, known in TARGETS.items() if known is tuning)
    rows = re.findall(rf"^\| `{target} = {{(\w+)}}` \|", pullback.passes.kernels.__doc__ or "", re.MULTILINE)
    assert rows == [key.name for key in fields(tuning)]


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ("threads = 48", "threads is 48; expected a power of two from 32 to 1024"),
        ("threads = 2048", "threads is 2048; expected a power of two from 32 to 1024"),
        ("vector = 3", "vector is 3; expected a power of two from 1 to 16"),
        ("lanes = 48", "lanes is 48; expected a power of two from 1 to 1024"),
        ("lanes = 128, threads = 64", "lanes is 128; expected at most 64, the threads of a block"),
        ("rows = 0", "rows is 0; expected a number from 1 to 1024"),
        ("chunk = 0", "chunk is 0; expected a number from 1 to 2147483647"),
        ("split = 65536", "split is 65536; expected a number from 1 to 65535"),
        ("tile = [32, 2048]", "tile is [32, 2048]; expected for each a number from 1 to 1024"),
        ("stage = [1]", "stage is [1]; expected numbers of inputs in rising order, each below 1"),
        ("stage = [0, 0]", "stage is [0, 0]; expected numbers of inputs in rising order, each below 1"),
    ],
)
def test_bounds_of_what_is_tuned_for_gpus(tuning: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds of all keys, whichever kind reads them."""
    text = f"""
    func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {{
      %y = graph.kernel %x schedule<kind = pointwise, parallel = [8], gpu = {{{tuning}}}> : tensor<8xf32> {{
      ^bb0(%0: tensor<8xf32>):
        %1 = graph.exp %0 : tensor<8xf32>
        graph.yield %1 : tensor<8xf32>
      }}
      func.return %y : tensor<8xf32>
    }}"""
    monkeypatch.setattr(check_gpu_tuning, "_check_keys", lambda kernel, schedule: None)
    with pytest.raises(DiagnosticError) as caught:
        verify_level(parse(context(), text).module, "kernels")
    assert f"schedule: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("keep = memory", "keep is memory; expected one of registers, none"),
        ("method = fast", "method is fast; expected one of"),
        ("stage = 0", "stage is no list; expected as in stage = [6, 64]"),
        ("threads = many", "threads is no number; expected an integer from 0 on"),
        ("warps = 4", "unknown key 'warps' of gpu; expected one of threads, vector, lanes"),
    ],
)
def test_words_and_lists_are_checked_where_they_are_parsed(wrong: str, message: str) -> None:
    with pytest.raises(ParseError, match=re.escape(message)):
        Parser(context(), f"#graph.schedule<kind = pointwise, gpu = {{{wrong}}}>").parse_attribute()


def test_words_that_python_makes_are_checked_at_level_kernels() -> None:
    module = parse(context(), KERNEL).module
    kernel = next(op for op in module.walk() if isinstance(op, Kernel))
    kernel.properties["schedule"] = ScheduleAttr(Schedule("rows", (8,), (4,), gpu=GpuTuning(keep="memory")))
    with pytest.raises(DiagnosticError, match="keep is memory; expected one of registers, none"):
        verify_level(module, "kernels")


def test_every_target_and_its_keys_are_fields() -> None:
    assert [f.name for f in fields(Schedule)] == ["kind", "parallel", "reduce", *TARGETS]


@pytest.mark.parametrize(
    "wrong", [Schedule("spiral"), Schedule("rows", (-1,)), Schedule("rows", (), (2**63,))]
)
def test_what_python_makes_is_verified(wrong: Schedule) -> None:
    with pytest.raises(VerifyException, match="schedule_c"):
        ScheduleAttr(wrong)
