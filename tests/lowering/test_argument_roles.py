"""What a lowered function says its arguments are for is checked where text can be edited: at levels loops and gpu."""

from __future__ import annotations

import re

import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.pipeline.levels import LevelName
from pullback.passes.pipeline.verify_level import verify_level

EVERY_ROLE = '["input", "output", "variable:w", "arena"]'
WRONG = {
    '["input", "outputs", "variable:w", "arena"]': "argument 1 is 'outputs': expected one of input, variable:NAME",
    '["input", "output", "variable:", "arena"]': "argument 2 is 'variable:': expected one of",
    '["input", "output", 3 : i64, "arena"]': "argument 2 is",
    '["input", "output"]': "has 2 roles for 4 arguments: expected one for each",
    "3 : i64": "is no list: expected a string for each argument",
}


def verified(roles: str, level: LevelName) -> None:
    text = f"""
    func.func @main(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>, %d: memref<64xi8>)
        attributes {{graph.arguments = {roles}}} {{
      func.return
    }}"""
    verify_level(parse(context(), text).module, level)


@pytest.mark.parametrize("level", ["loops", "gpu"])
def test_roles_that_there_are(level: LevelName) -> None:
    verified(EVERY_ROLE, level)


@pytest.mark.parametrize("level", ["loops", "gpu"])
@pytest.mark.parametrize("roles", WRONG)
def test_roles_that_there_are_not(roles: str, level: LevelName) -> None:
    with pytest.raises(DiagnosticError, match=re.escape(WRONG[roles])):
        verified(roles, level)


def test_roles_of_two_memories_have_no_place_at_level_loops() -> None:
    roles = '["input", "output", "variable:w", "host_arena"]'
    verified(roles, "gpu")
    with pytest.raises(
        DiagnosticError, match=r"argument 3 is 'host_arena': expected one of input, .*, arena"
    ):
        verified(roles, "loops")


@pytest.mark.parametrize("width", ["7 : i64", '"x"', "33 : i32"])
def test_widths_of_indices_that_no_kernel_has(width: str) -> None:
    text = f"""
    gpu.module @k {{
      gpu.func @f(%x: memref<4xf32>) kernel attributes {{graph.index_bitwidth = {width}}} {{
        gpu.return
      }}
    }}"""
    with pytest.raises(DiagnosticError, match=r"graph\.index_bitwidth is .*; expected 32 : i64 or 64 : i64"):
        verify_level(parse(context(), text).module, "gpu")
