"""`OperationClass`: the class of operation classes, for which `isinstance` asks for inheritance alone.

xDSL's operations are of `ABCMeta`, which calls Python at every `isinstance` that is not about the class itself, for the
sake of classes that were registered as if they were derived. No operation is; passes ask 60,000 times in a compilation.
"""

from __future__ import annotations

from abc import ABCMeta


class OperationClass(ABCMeta):
    """Asks for inheritance as Python does of any class, in C."""

    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__
