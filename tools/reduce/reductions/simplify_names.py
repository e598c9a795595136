"""Removes locations and the names of values, and gives arguments short ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from string import ascii_lowercase

from xdsl.dialects.builtin import UNKNOWN_LOC, ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, functions_in

LETTERS = [*"xyzuvw", *ascii_lowercase[:20]]


def _locations(module: ModuleOp) -> list[Edit]:
    def of(value: Operation | BlockArgument) -> Edit:
        def edit() -> None:
            value.location = UNKNOWN_LOC

        return edit

    arguments = (a for op in module.walk() for r in op.regions for b in r.blocks for a in b.args)
    return [of(value) for value in chain(module.walk(), arguments) if value.location != UNKNOWN_LOC]


def _hints(module: ModuleOp) -> list[Edit]:
    def of(value: SSAValue) -> Edit:
        def edit() -> None:
            value.name_hint = None

        return edit

    return [of(r) for op in module.walk() for r in op.results if r.name_hint is not None]


def _arguments(module: ModuleOp) -> list[Edit]:
    def of(arguments: Sequence[BlockArgument]) -> Edit:
        def edit() -> None:
            for argument, letter in zip(arguments, LETTERS, strict=False):
                argument.name_hint = letter

        return edit

    return [of(f.body.block.args) for f in functions_in(module) if len(f.body.block.args) <= len(LETTERS)]


NAMES = (
    ReductionKind("remove locations", _locations),
    ReductionKind("remove names", _hints),
    ReductionKind("shorten names of arguments", _arguments),
)
