"""What universes have by factories, which import it when it is used: if one fails, a class that says so stands for it.

Lists stay whole, and who uses the name gets an error that names the plug-in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.target import Target as Format


@dataclass(frozen=True)
class Late:
    """A factory of a plug-in that does not fail."""

    plugin: str
    name: str
    holds: Callable[[], Any]
    stand_in: Callable[[str, Exception], Any]

    def __call__(self) -> Any:
        try:
            return self.holds()
        except Exception as error:
            return self.stand_in(self.plugin, error)


def said(error: BaseException) -> str:
    """The class and the message of an exception, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def late_pass(plugin: str, name: str, factory: Callable[[], type[ModulePass]]) -> Late:
    """The factory of a pass."""

    def stand_in(plugin: str, error: Exception) -> type[ModulePass]:
        @dataclass(frozen=True)
        class BrokenPass(ModulePass):
            def __post_init__(self) -> None:
                raise ValueError(f"plug-in '{plugin}' cannot import it: {said(error)}")

            def apply(self, ctx: Context, op: ModuleOp) -> None:
                raise NotImplementedError

        BrokenPass.name = name
        BrokenPass.__doc__ = f"Cannot be imported: {said(error)}"
        return BrokenPass

    return Late(plugin, name, factory, stand_in)


def late_format(plugin: str, name: str, factory: Callable[[], type[Format]]) -> Late:
    """The factory of a form of output."""

    def stand_in(plugin: str, error: Exception) -> type[Format]:
        @dataclass(frozen=True)
        class BrokenFormat(Format):
            def __post_init__(self) -> None:
                raise ValueError(f"plug-in '{plugin}' cannot import it: {said(error)}")

            def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
                raise NotImplementedError

        BrokenFormat.name = name
        BrokenFormat.__doc__ = f"Cannot be imported: {said(error)}"
        return BrokenFormat

    return Late(plugin, name, factory, stand_in)
