"""`#graph.schedule` as text: what is parsed is printed, and errors are at the word that is wrong."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.schedule import (
    KINDS,
    TARGETS,
    CpuTuning,
    GpuTuning,
    Schedule,
    ScheduleAttr,
)

NUMBERS = st.integers(0, 2**63 - 1)
EXTENTS = st.lists(NUMBERS, max_size=4).map(tuple)
SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(sorted(KINDS)),
    EXTENTS,
    EXTENTS,
    st.builds(CpuTuning, st.none() | NUMBERS, st.none() | NUMBERS, EXTENTS),
    st.builds(GpuTuning, st.none() | NUMBERS),
)


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


def test_every_target_and_its_keys_are_fields() -> None:
    assert [f.name for f in fields(Schedule)] == ["kind", "parallel", "reduce", *TARGETS]


@pytest.mark.parametrize(
    "wrong", [Schedule("spiral"), Schedule("rows", (-1,)), Schedule("rows", (), (2**63,))]
)
def test_what_python_makes_is_verified(wrong: Schedule) -> None:
    with pytest.raises(VerifyException, match="schedule_c"):
        ScheduleAttr(wrong)
