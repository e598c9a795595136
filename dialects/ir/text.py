"""Printing a program as MLIR text, with the locations that name its ops."""

from __future__ import annotations

from io import StringIO

from xdsl.dialects import func
from xdsl.dialects.builtin import UNKNOWN_LOC, DenseIntOrFPElementsAttr, LocationAttr, ModuleOp
from xdsl.ir import Attribute, BlockArgument, Operation
from xdsl.printer import Printer

from pullback.dialects.ir.dense import print_elements
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.ir.positions import noted_in, spelled_out

_FUNCTIONS = (func.FuncOp.name, "gpu.func")


def print_module(
    module: ModuleOp, *, locations: bool = True, generic: bool = False, debuginfo: bool = False
) -> str:
    """Prints the module as MLIR text that ends in one newline.

    Args:
        module: the program.
        locations: append `loc(...)` to each op that has one; an unknown location is never printed.
        debuginfo: write in each location the line of Python, or else the place in the text, where its op was written:
            `loc("tanh"("model.py":17:5))`.
        generic: write every op in the generic syntax that upstream tools read without knowing our dialects.
    """
    stream = StringIO()
    printer = _LocationPrinter(
        stream=stream, print_generic_format=generic, locations=locations, debuginfo=debuginfo
    )
    printer.print_op(module)
    return stream.getvalue().rstrip("\n") + "\n"


def clear_locations(module: ModuleOp) -> None:
    """Removes all locations, so that no text of the module says names."""
    for op in operations_within(module):
        op.location = UNKNOWN_LOC
        for argument in (a for region in op.regions for block in region.blocks for a in block.args):
            argument.location = UNKNOWN_LOC


class _LocationPrinter(Printer):
    """A printer that leaves out unknown locations: xDSL's prints a location on every op or on none."""

    def __init__(
        self, *, stream: StringIO, print_generic_format: bool, locations: bool, debuginfo: bool
    ) -> None:
        self._locations = locations
        self._debuginfo = debuginfo
        self._at_argument = False
        super().__init__(stream=stream, print_generic_format=print_generic_format)

    # A property where xDSL has a field: printing a function's arguments asks it once per argument.
    @property
    def print_debuginfo(self) -> bool:
        asked, self._at_argument = self._at_argument, False
        return asked

    @print_debuginfo.setter
    def print_debuginfo(self, value: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        pass

    def print_attribute(self, attribute: Attribute) -> None:
        if isinstance(attribute, DenseIntOrFPElementsAttr):
            print_elements(attribute, self)
            self.print_string(" : ")
            attribute = attribute.get_type()
        elif self._debuginfo and isinstance(attribute, LocationAttr):
            attribute = spelled_out(attribute)
        super().print_attribute(attribute)

    def print_op(self, op: Operation) -> None:
        super().print_op(op)
        if self._is_named(op.location):
            self.print_string(" ")
            self.print_attribute(op.location)

    def print_block_argument(self, arg: BlockArgument, print_type: bool = True) -> None:
        super().print_block_argument(arg, print_type)
        if not self._is_named(arg.location):
            return
        if print_type:
            self.print_string(" ")
            self.print_attribute(arg.location)
        else:
            around = arg.owner.parent_op()
            self._at_argument = around is not None and around.name in _FUNCTIONS

    def _is_named(self, location: LocationAttr) -> bool:
        return self._locations and (
            location != UNKNOWN_LOC or (self._debuginfo and noted_in(location) is not None)
        )
