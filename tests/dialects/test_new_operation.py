"""`new_operation` makes what `create` of xDSL makes."""

from __future__ import annotations

from typing import Any

import pytest
from xdsl.dialects import arith, func, memref, scf, vector
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, StringAttr, f32, i1
from xdsl.ir import Block, Operation, Region

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.memref import CopyOp
from pullback.dialects.upstream.scf import ParallelOp

X, Y = Block(arg_types=[f32, f32]).args


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (arith.AddfOp, {"operands": [X, Y], "result_types": [f32]}),  # has a default
        (arith.AddfOp, {"operands": [X, X], "result_types": [f32], "properties": {"fastmath": StringAttr("")}}),
        (vector.StoreOp, {"operands": [X, Y], "attributes": {"note": StringAttr("wrong")}}),
        (scf.IfOp, {"operands": [X], "result_types": [i1, i1], "regions": [Region(Block()), Region()]}),
        (ParallelOp, {"regions": [Region(Block())]}),
        (func.ReturnOp, {"operands": [X], "location": FileLineColLoc(StringAttr("f"), IntAttr(1), IntAttr(2))}),
        (memref.AllocaOp, {}),
        (CopyOp, {}),
        (VariableOp, {}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)  # fmt: skip
def test_it_makes_what_create_makes(kind: type[Operation], facts: dict[str, Any]) -> None:
    copied: dict[str, Any] = {"regions": [region.clone() for region in facts.get("regions", [])]}
    expected = kind.create(**(facts | copied))
    before = [len(list(value.uses)) for value in (X, Y)]
    made = new_operation(kind, **facts)
    assert type(made) is kind
    assert vars(made).keys() >= {"results", "properties", "attributes", "location", "regions"}
    for name in (
        "operand_types",
        "result_types",
        "properties",
        "attributes",
        "location",
        "successors",
        "parent",
    ):
        assert getattr(made, name) == getattr(expected, name), name
    assert list(made.properties) == list(expected.properties)
    assert [(r.op, r.index) for r in made.results] == [(made, at) for at in range(len(made.results))]
    assert [region.parent for region in made.regions] == [made] * len(expected.regions)
    assert list(made.operands) == list(expected.operands)
    uses = [len(list(value.uses)) for value in (X, Y)]
    assert uses == [n + list(made.operands).count(v) for n, v in zip(before, (X, Y), strict=True)]


def test_properties_are_not_shared() -> None:
    given = {"note": StringAttr("first")}
    made = new_operation(memref.AllocaOp, properties=given)
    made.properties["note"] = StringAttr("second")
    assert given == {"note": StringAttr("first")}
