"""A function in native code, with an arena of its own and outputs from a pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.layout import Layout
from pullback.driver.whole_call import WholeCall
from pullback.process.interrupts import putting_off, say_what_changed
from pullback.process.locks import Lock

if TYPE_CHECKING:
    from pullback.backends.cpu.runtime import Executable, NativeCall

Array = npt.NDArray[Any]


def compiled(loops: ModuleOp, finished: ModuleOp, library: Path | None = None) -> NativeFunction:
    """Compiles `@main` of a module of level `loops`.

    Args:
        loops: the module.
        finished: the same program at level `graph` with static shapes.
        library: where to write the code as a shared library with debug lines; without it, it is not written.
    """
    from pullback.backends.cpu.runtime import compile_module

    return NativeFunction(Layout.of(loops, finished), compile_module(loops, library=library))


class NativeFunction:
    """Runs `@main` of a program of level `loops`.

    Args:
        layout: what its arguments are for.
        compiled: its code.
    """

    def __init__(self, layout: Layout, compiled: Executable) -> None:
        self._layout = layout
        self._pools = tuple(self._layout.outputs.values())
        self._names = tuple(self._layout.variables.values())
        self._compiled = compiled
        self._call: NativeCall = self._compiled
        self._bound: list[Array] | None = None
        self._lock = Lock()
        self._whole: dict[WholeCall, Callable[..., Any] | None] = {}

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        self._lock.refuse_to_reenter()
        outputs = [pool.take() for pool in self._pools]
        with self._lock:  # two calls at once would share the arena
            if self._names or self._bound is None:
                self._bind([variables[name] for name in self._names])
            try:
                if self._compiled.calls_host_late:
                    putting_off(self._call, *inputs, *outputs)
                else:
                    self._call(*inputs, *outputs)
            except BaseException as error:
                say_what_changed(error, self._compiled.changed())
                raise
        return outputs

    def whole(self, call: WholeCall) -> Callable[..., Any] | None:
        """All of a call as one native function: see `RunsWholeCalls`.

        There is none where the host computes, or where a result is made of several arrays, as slices are.
        """
        if call not in self._whole:
            is_whole = not self._compiled.calls_host and len(self._layout.outputs) == len(call.places)
            self._whole[call] = self._native(call) if is_whole else None
        return self._whole[call]

    def _native(self, call: WholeCall) -> Callable[..., Any] | None:
        from pullback.backends.cpu.calls.call_table import CallForm, MadeArray

        stored = [call.variables.storages[name].known_to_host_alone() for name in self._names]
        variables = dict(zip(self._layout.variables, [array for array, _ in stored], strict=True))
        shares = self._names or self._compiled.polls or any(a.size for a in self._layout.arenas.values())
        form = CallForm(
            made=tuple(
                MadeArray(at, place, pool.shape, pool.dtype, pool.take if pool.is_pooled else None)
                for (at, pool), place in zip(self._layout.outputs.items(), call.places, strict=True)
            ),
            length=call.length,
            is_alone=call.is_alone,
            locks=(*call.locks, self._lock) if shares else call.locks,
            not_held=self._lock if shares else None,
            empty=tuple(devices for _, devices in stored),
        )
        bound = self._compiled.bind({**variables, **self._layout.arenas})
        run = bound.whole(dict(zip(self._layout.inputs, call.dtypes, strict=True)), form)
        is_ended = self._names and self._compiled.polls
        return self._saying_what_changed(run) if run is not None and is_ended else run

    def _saying_what_changed(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps a function that a signal may end half way."""
        compiled = self._compiled

        def call(*arrays: Array) -> Any:
            try:
                return run(*arrays)
            except BaseException as error:
                say_what_changed(error, compiled.changed())
                raise

        return call

    def _bind(self, arrays: list[Array]) -> None:
        """Fixes the arrays of variables and the arena; they are the same in almost every call."""
        if self._bound is not None and all(map(is_, arrays, self._bound)):
            return
        fixed = dict(zip(self._layout.variables, arrays, strict=True))
        self._call = self._compiled.bind({**fixed, **self._layout.arenas})
        self._bound = arrays
