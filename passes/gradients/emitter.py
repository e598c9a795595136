"""Inserts the engine's operations, stamps their location (origin) and device, and rolls them back."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr, StringAttr
from xdsl.ir import Attribute, Block, Operation, SSAValue

from pullback.dialects.graph.by_index.gather import Densify
from pullback.dialects.graph.gradient.policies import Aggregation, Gating
from pullback.dialects.graph.op.graph_op import Properties
from pullback.dialects.graph.state.variables import ask_for_device
from pullback.dialects.graph.tensor.insertion import Insert
from pullback.dialects.graph.tensor.location import Origin, Role, name_of, named_with_role
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, is_static, shape_of_type
from pullback.dialects.ir.positions import place_new, placed_as
from pullback.passes.placement.colocation import Colocation

LARGE = 100_000_000
"""Elements from which making slices dense is worth a warning, as in TensorFlow."""


@dataclass(frozen=True)
class GradientOptions:
    """Names, devices and policies of a request. The numbers do not depend on them.

    Attributes:
        scope: the prefix of the names of all new operations, already unique; empty for none.
        aggregation, gate: stamped on the markers for the passes that decide; `None` leaves it to them.
        colocate: each new operation gets the device of the forward operation it serves, unless it has one.
        device: the device of every new operation without `colocate`.
        location: of the request; what serves no operation has its position.
    """

    scope: str = "gradients"
    aggregation: Aggregation | None = None
    gate: Gating | None = None
    colocate: bool = False
    device: str | None = None
    location: LocationAttr = UNKNOWN_LOC

    def path(self, name: str) -> str:
        """`name` under the scope."""
        return f"{self.scope}/{name}" if self.scope else name


@dataclass(frozen=True)
class Service:
    """The provenance of new operations: their origin, their name under the scope, and the operation they serve.

    A name that starts with an underscore continues that of the operation.
    """

    origin: Origin
    name: str
    forward: Operation | None

    def location(self, options: GradientOptions) -> LocationAttr:
        """The name and the role."""
        forward = name_of(self.forward) if self.forward is not None else ""
        name = forward + self.name if self.name.startswith("_") else self.name
        location = named_with_role(options.path(name), Role(self.origin, forward))
        return place_new(location, options.location if self.forward is None else self.forward.location)


@dataclass
class Emitter:
    """Puts new operations in place, stamps their origin and device, and remembers them."""

    insert: Insert
    options: GradientOptions
    made: list[Operation] = field(default_factory=list[Operation])
    service: Service | None = None
    device: Attribute | None = None
    elsewhere: list[Operation] = field(default_factory=list[Operation])
    """The operations that were inserted beside the operation that they serve, not where the request is."""
    colocation: Colocation = field(default_factory=Colocation)
    _location: LocationAttr | None = None

    def __call__(self, op: Operation) -> None:
        location = self._location or self.location
        if location is not None:
            # A copy, of what a custom gradient's function has made for one, stays where that was written.
            is_copy = op.location is not UNKNOWN_LOC
            op.location = placed_as(location, op.location) if is_copy else location
        if self.device is not None:
            ask_for_device(op, self.device)
        self.insert(op)
        self.made.append(op)

    @property
    def location(self) -> LocationAttr | None:
        """The location of what is made now; built once something is, since many rules make nothing."""
        if self._location is None and self.service is not None:
            self._location = self.service.location(self.options)
        return self._location

    def serve(self, origin: Origin, name: str, forward: Operation | None) -> None:
        """Sets the provenance of what follows: its origin, its name, the forward operation. See `Service`."""
        self._resume(Service(origin, name, forward))

    @contextmanager
    def serving(self, origin: Origin, name: str, forward: Operation | None) -> Generator[None]:
        """Sets the provenance within a `with` block."""
        outer = self.service
        self.serve(origin, name, forward)
        try:
            yield
        finally:
            self._resume(outer)

    def _resume(self, service: Service | None) -> None:
        self.service, self._location = service, None
        forward = service.forward if service is not None else None
        if self.options.colocate:
            self.device = self.colocation.device_of(forward) if forward is not None else None
        elif self.options.device:
            self.device = StringAttr(self.options.device)

    def at(self, insert: Insert) -> Emitter:
        """An emitter with another insertion point that records in the same list."""
        return Emitter(
            insert, self.options, self.made, self.service, self.device, self.elsewhere, self.colocation
        )

    def behind(self, anchor: Operation) -> Emitter:
        """An emitter that inserts operations one after another behind `anchor`, and records them in `elsewhere`."""
        last = anchor

        def insert(op: Operation) -> None:
            nonlocal last
            assert last.parent is not None
            last.parent.insert_op_after(op, last)
            last = op
            self.elsewhere.append(op)

        return self.at(insert)

    def take_back(self) -> None:
        """Rolls back: erases everything made, last first."""
        for op in reversed(self.made):
            if op.parent is not None:  # else it went with the loop around it
                op.detach()
                op.erase(safe_erase=False)
        self.made.clear()


class Differentiator(Protocol):
    """The interface of the walk that loops and custom gradients are differentiated with."""

    nested: bool
    """Whether the walk goes over the body of a loop."""
    emitter: Emitter
    sum_properties: Properties

    def inside(self, block: Block, insert: Insert) -> Differentiator:
        """A walk over the body of a loop in this block, whose new operations go elsewhere."""
        ...

    def stopping(self, stops: Collection[SSAValue]) -> Differentiator:
        """A walk over the same block that takes other values as constants."""
        ...

    def run(
        self, ys: Sequence[SSAValue], xs: Sequence[SSAValue], grad_ys: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        """The gradients of the xs."""
        ...

    def zeros(self, value: SSAValue) -> Tensor:
        """The zero gradient with respect to a value."""
        ...


def densified(grad: Tensor, quiet: bool = False) -> Tensor:
    """Densifies a gradient; warns where the tensor is large or of unknown size, unless `quiet`."""
    if not isinstance(grad.type, SlicesType):
        return grad
    if not quiet:
        warn_of_dense(grad.type.data_type)
    return Densify.of(grad)


def warn_of_dense(data: Attribute, stacklevel: int = 3) -> None:
    """Warns where a dense tensor of this type is large, or may be."""
    size = math.prod(shape_of_type(data))
    if is_static(data) and size < LARGE:
        return
    what = f"with {size} elements" if is_static(data) else "of unknown shape"
    warnings.warn(
        f"Converting sparse IndexedSlices to a dense tensor {what}. This may consume a large amount of memory.",
        stacklevel=stacklevel,
    )
