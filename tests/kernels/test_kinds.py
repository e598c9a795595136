"""The table of kinds: every row names functions that exist, and what needs a kind is told apart by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.schedule import KINDS, TARGETS, Schedule, ScheduleAttr
from pullback.dialects.graph.op.graph_op import OPS
from pullback.passes.lowering.kernel_kind import Lowering, NotYet
from pullback.passes.lowering.kinds import POINTWISE, TABLE, add_kind, lowering, remove_kind, resolved


def test_every_kind_of_text_has_a_row() -> None:
    assert TABLE.keys() == KINDS.keys()
    assert [kind.name for kind in TABLE.values()] == list(TABLE)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", TABLE)
def test_every_target_says_how_or_why_not(name: str, target: str) -> None:
    entry = TABLE[name].targets[target]
    if isinstance(entry, NotYet):
        assert entry.reason
        return
    assert isinstance(entry, Lowering)
    assert callable(lowering(name, target))
    assert entry.check is None or callable(resolved(entry.check))


def test_an_operation_has_one_kind() -> None:
    for op in OPS.values():
        assert sum(issubclass(op, kind.ops) for kind in TABLE.values()) <= 1


def test_kinds_of_operations_say_their_extents() -> None:
    assert all(bool(kind.ops) == (kind.extents is not None) for kind in TABLE.values())


def test_what_is_no_row() -> None:
    with pytest.raises(ValueError, match="kind of kernel 'pointwise' is registered already"):
        add_kind(POINTWISE, "again")
    with pytest.raises(ValueError, match="kind of kernel 'spiral' is not known"):
        remove_kind("spiral")


def test_a_kind_is_added_with_its_targets_and_removed_again() -> None:
    made_up = replace(POINTWISE, name="made_up", targets={"cpu": NotYet("no time")})
    with pytest.raises(ValueError, match="one entry for each of cpu, gpu"):
        add_kind(made_up, "nothing")
    assert "made_up" not in TABLE
    add_kind(replace(made_up, targets=dict.fromkeys(TARGETS, NotYet("no time"))), "nothing")
    try:
        assert Parser(context(), "#graph.schedule<kind = made_up>").parse_attribute() == ScheduleAttr(
            Schedule("made_up")
        )
        with pytest.raises(ValueError, match="kind of kernel 'made_up' is registered already"):
            add_kind(replace(POINTWISE, name="made_up"), "again")
    finally:
        remove_kind("made_up")
    with pytest.raises(ParseError, match="kind is made_up; expected one of pointwise"):
        Parser(context(), "#graph.schedule<kind = made_up>").parse_attribute()
