"""Memoisation of verification: equal operations are verified once, since xDSL's checks cost 20 µs each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from xdsl.irdl import IRDLOperation
from xdsl.traits import HasFolder, OpTrait, SameOperandsAndResultType

AnyOpT = TypeVar("AnyOpT", bound=type[IRDLOperation])

_VERIFIED: dict[tuple[object, ...], tuple[object, ...]] = {}


def verified_once(cls: AnyOpT) -> AnyOpT:
    """Caches, per class, the types and properties that its checks have accepted: they are few and shared.

    Only where the checks depend on nothing else: not on regions, nor on the surroundings of the operation.
    """
    verify: Callable[[Any], None] = cls.verify_
    definition = cls.get_irdl_definition()
    checks = [t for t in cls.traits if type(t).verify is not OpTrait.verify]
    looks_around = not all(isinstance(t, HasFolder | SameOperandsAndResultType) for t in checks)
    if definition.regions or definition.attributes or looks_around:
        return cls

    def verify_(self: Any) -> None:
        operands = [v._type for v in self._operands]
        results = [r._type for r in self.results]
        properties = self.properties
        key = (
            cls,
            len(operands),
            *map(id, operands),
            *map(id, results),
            *map(id, properties.values()),
            *properties,
        )
        if key not in _VERIFIED:
            verify(self)
            if len(_VERIFIED) > 200_000:
                _VERIFIED.clear()
            # Objects known by identity are kept alive, so that no other takes their identity.
            _VERIFIED[key] = (operands, results, dict(properties))

    cls.verify_ = verify_
    return cls
