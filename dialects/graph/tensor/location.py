"""Locations: an operation's `loc(…)` holds its name and, where the gradient engine made it, its role.

`loc("layer/tanh")` is a name under its scope. An operation made by the gradient engine also states its role, as a
second name: `loc(fused["gradients/layer/tanh_grad/", "gradient of layer/tanh"])`. A role contains a blank, and the name
of a tensor none. A name that ends in a slash is a scope shared by the operations of one rule: the mnemonic of each
completes its name. An operation inlined from a called function has `loc(callsite("tanh" at "layer"))`: the name
`layer/tanh`, under that of the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    ArrayAttr,
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue
from xdsl.utils.str_enum import StrEnum

from pullback.dialects.ir.positions import at_position, noted_in

_NONE = NoneAttr()


class Origin(StrEnum):
    """The reason for which the gradient engine made an operation."""

    SEED = "seed"
    GRADIENT = "gradient"
    SUM = "sum"
    GATE = "gate"
    ZERO = "zero"
    COPY = "copy"


@dataclass(frozen=True)
class Role:
    """The origin of an operation that the gradient engine made, and the name of the forward operation it serves.

    In text it is `gradient of layer/tanh`, or `a sum` where it serves none in particular.
    """

    origin: Origin
    forward: str = ""

    def __str__(self) -> str:
        return f"{self.origin.value} of {self.forward}" if self.forward else f"a {self.origin.value}"

    @classmethod
    def read(cls, text: str) -> Role | None:
        """Reads a role as text holds it; None for any other name."""
        word, _, forward = text.partition(" of ")
        if forward and word in _ORIGINS:
            return cls(_ORIGINS[word], forward)
        return _WITHOUT_FORWARD.get(text)


_ORIGINS = {origin.value: origin for origin in Origin}
_WITHOUT_FORWARD = {str(role): role for role in map(Role, Origin)}
AttributeT = TypeVar("AttributeT", bound=Attribute)


def _unchecked(cls: type[AttributeT], **fields: Attribute | str) -> AttributeT:
    """Builds an attribute without verifying it: that takes 15 us, and every operation has a location."""
    attribute = object.__new__(cls)
    for name, value in fields.items():
        object.__setattr__(attribute, name, value)
    return attribute


def named(name: str) -> NameLoc:
    """Builds `loc("name")`."""
    return _unchecked(NameLoc, desc=_unchecked(StringAttr, data=name), location=_NONE)


def named_with_role(name: str, role: Role) -> LocationAttr:
    """Builds `loc(fused["name", "role"])`."""
    return fused((named(name), named(str(role))))


def fused(locations: Sequence[LocationAttr], metadata: Attribute = _NONE) -> LocationAttr:
    """Builds `loc(fused[locations])`."""
    return _unchecked(FusedLoc, locations=ArrayAttr(locations), metadata=metadata)


def named_at(name: str, place: LocationAttr) -> NameLoc:
    """Builds `loc("name")`, or `loc("name"("file.mlir":1:2))` where `place` holds a position in a file.

    What is noted on `place` is noted on the result.
    """
    if (position := _position_in(place)) is None:
        return at_position(named(name), noted_in(place))
    file, line, column = position
    written = FileLineColLoc(StringAttr(file), IntAttr(line), IntAttr(column))
    return at_position(_unchecked(NameLoc, desc=StringAttr(name), location=written), noted_in(place))


def called_at(callee: LocationAttr, caller: LocationAttr) -> LocationAttr:
    """Builds `loc(callsite(callee at caller))`."""
    return _unchecked(CallSiteLoc, callee=callee, caller=caller)


def name_in(location: Attribute) -> str | None:
    """Reads the name that a location holds, if any."""
    match location:
        case CallSiteLoc():
            return _under(location.caller, name_in(location.callee))
        case NameLoc():
            return location.desc.data
        case FusedLoc():
            locations = location.locations
            if isinstance(locations, ArrayAttr):
                return next((n for n in map(name_in, locations) if n is not None), None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            return None
        case _:
            return None


def _under(caller: Attribute, name: str | None) -> str | None:
    """Prefixes a name in a called function with that of the call."""
    scope = name_in(caller)
    return f"{scope}/{name}" if scope and name else name


def role_of(op: Operation) -> Role | None:
    """Reads the role of an operation, which it has if the gradient engine made it."""
    return role_in(op.location)


def role_in(location: Attribute) -> Role | None:
    """Reads the role that a location holds, if any."""
    match location:
        case FusedLoc(locations=ArrayAttr(data=(_, NameLoc(desc=text), *_))):
            return Role.read(text.data)
        case CallSiteLoc():
            role = role_in(location.callee)
            forward = None if role is None else _under(location.caller, role.forward)
            return Role(role.origin, forward) if role and forward else role
        case _:
            return None


def is_called(op: Operation) -> bool:
    """Tells whether an operation was inlined from a called function."""
    return isinstance(op.location, CallSiteLoc)


def name_of(op: Operation) -> str:
    """The name of an operation: from its location, else its result's name in the text, else its mnemonic."""
    if (name := name_in(op.location)) is not None:
        is_shared = name.endswith("/") and role_of(op) is not None
        return name + op.name.rpartition(".")[2] if is_shared else name
    if op.results and op.results[0].name_hint:
        return op.results[0].name_hint
    return op.name.rpartition(".")[2]


def name_of_value(value: SSAValue) -> str:
    """The name of a value: its operation's (with `:index` for several results), or the argument's own."""
    match value:
        case OpResult(op=op) if len(op.results) > 1:
            return f"{name_of(op)}:{value.index}"
        case OpResult(op=op):
            return name_of(op)
        case BlockArgument():
            return name_in(value.location) or value.name_hint or f"arg{value.index}"
        case _:
            return value.name_hint or "value"


def position_of(op: Operation) -> tuple[str, int, int] | None:
    """Reads the file, line and column that the location of an operation spells out, if it does."""
    return _position_in(op.location)


def _position_in(location: Attribute) -> tuple[str, int, int] | None:
    match location:
        case FileLineColLoc():
            return location.filename.data, location.line.data, location.column.data
        case NameLoc():
            return _position_in(location.location)
        case CallSiteLoc():
            return _position_in(location.callee) or _position_in(location.caller)
        case FusedLoc(locations=ArrayAttr() as locations):
            return next((p for p in map(_position_in, locations) if p is not None), None)
        case _:
            return None


def is_unknown(location: Attribute) -> bool:
    """Tells whether a location is `loc(unknown)`."""
    return isinstance(location, UnknownLoc)


def location_of(value: SSAValue) -> LocationAttr:
    """The location of a value: its operation's, or the argument's own."""
    match value:
        case OpResult(op=op):
            return op.location
        case BlockArgument():
            return value.location
        case _:
            return UNKNOWN_LOC
