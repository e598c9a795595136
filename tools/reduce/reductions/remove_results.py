"""Removes results and arguments of functions that nothing calls, and merges arguments of one type."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, entries, returned


def _results(module: ModuleOp) -> list[Edit]:
    def of(function: func.FuncOp, place: int) -> Edit:
        def edit() -> None:
            # The last of a group is removed first, so the places of the others stay.
            end = returned(function)
            end.operands = [v for at, v in enumerate(end.operands) if at != place]
            function.update_function_type()

        return edit

    return [of(f, place) for f in entries(module) for place in range(len(returned(f).operands))]


def _unused_arguments(module: ModuleOp) -> list[Edit]:
    def of(function: func.FuncOp, place: int) -> Edit:
        def edit() -> None:
            block = function.body.block
            block.erase_arg(block.args[place])
            function.update_function_type()

        return edit

    return [
        of(f, place)
        for f in entries(module)
        for place, argument in enumerate(f.body.block.args)
        if argument.first_use is None
    ]


def _merged_arguments(module: ModuleOp) -> list[Edit]:
    def of(function: func.FuncOp, place: int, into: int) -> Edit:
        def edit() -> None:
            arguments = function.body.block.args
            arguments[place].replace_all_uses_with(arguments[into])

        return edit

    edits: list[Edit] = []
    for function in entries(module):
        types = [a.type for a in function.body.block.args]
        edits += [of(function, n, types.index(t)) for n, t in enumerate(types) if types.index(t) != n]
    return edits


RESULTS = ReductionKind("remove results of functions", _results)
UNUSED_ARGUMENTS = ReductionKind("remove arguments without use", _unused_arguments)
MERGED_ARGUMENTS = ReductionKind("merge arguments of one type", _merged_arguments)
