"""Runs a program of level `gpu` on devices: binds variables, copies inputs there and outputs back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda_runtime.bound_plan import BoundPlan, Copies
from pullback.backends.cuda_runtime.cuda_program import CudaProgram
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.backends.cuda_runtime.device_queues import queue_of_device
from pullback.backends.cuda_runtime.input_reads import InputReads
from pullback.dialects.graph.tensor.device import CUDA, HOST
from pullback.driver.device_array import DeviceArray
from pullback.driver.layout import Layout
from pullback.driver.run_pipeline import main_function
from pullback.driver.storage import StoredVariables, VariableStorage
from pullback.driver.targets.cuda_arguments import CudaArguments
from pullback.driver.targets.cuda_transfers import Transfers
from pullback.driver.targets.kept_outputs import KeptOutputs
from pullback.driver.targets.native_callees import native_callees
from pullback.driver.targets.variable_on_device import PinnedVariable, VariableOnDevice
from pullback.process.interrupts import Progress, run_changing
from pullback.process.locks import Lock

Array = npt.NDArray[Any]
KEPT_BINDINGS = 4
"""For how many different places of variables a program keeps its graphs."""


class TakenInputs(NamedTuple):
    """The inputs of a call, as copies to where the program has them."""

    begin: Copies
    """Those that graphs of the program begin with."""
    copies: Copies
    """Those that come before."""
    are_watched: bool = False
    """Whether somebody waits for the latter."""
    may_change: bool = False
    """Whether what they read may change as soon as the call returns."""


class CudaFunction:
    """Runs `@main` of a module of level `gpu`.

    Args:
        kernels: the module of level `gpu`.
        finished: the same program at level `graph` with static shapes.
        device_outputs: whether outputs are `DeviceArray`s, for which a call does not wait.
    """

    def __init__(self, kernels: ModuleOp, finished: ModuleOp, *, device_outputs: bool = False) -> None:
        main = main_function(kernels)
        self._queues: dict[str, DeviceQueue] = {}
        self._layout = Layout.of(kernels, finished, has_arenas=False)
        self._queue(CUDA)
        self._arguments = CudaArguments(main, self._layout, self._queue)
        self._transfers = Transfers(self._layout, self._arguments)
        self._program = CudaProgram(
            kernels, self._queue, _described(main, self._layout), native_callees(kernels)
        )
        self._bindings: OrderedDict[object, BoundPlan] = OrderedDict()
        self._program.copy(self._transfers.constants())
        self._program.synchronize()
        self._kept = (
            KeptOutputs(self._layout.outputs, self._arguments, self._queue) if device_outputs else None
        )
        self._has_pinned_variables = any(self._arguments.devices[at] == HOST for at in self._layout.variables)
        self._reads = InputReads()
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Any], variables: Mapping[str, Array]) -> list[Any]:
        """Inputs are arrays of NumPy, or `DeviceArray`s."""
        self._lock.refuse_to_reenter()
        with self._lock:  # two calls at once would share the memory of arguments
            return run_changing(lambda progress: self._run(inputs, variables, progress))

    def _run(self, inputs: Sequence[Any], variables: Mapping[str, Array], progress: Progress) -> list[Any]:
        names = self._layout.variables
        if isinstance(variables, StoredVariables):
            storages, changed, given = variables.storages, variables.changed, {}
        else:
            given = {name: variables[name] for name in names.values()}
            storages, changed = {name: VariableStorage(array) for name, array in given.items()}, given
        for queue in self._queues.values():
            queue.enter()
        try:
            sides = {at: self._side(at, storages[name]) for at, name in names.items()}
            taken = self._taken(inputs)
            after = self._transfers.outputs() if self._kept is None else ()
            bound = self._bound(sides, taken.begin, after)
            for at, name in names.items():
                if name in changed:
                    storages[name].changed_on_device(self._key(at))
            self._program.copy(taken.copies)
            if taken.are_watched:
                self._reads.begin(queue for _, queue in taken.copies)
            self._program.execute(bound, progress)
            if self._has_pinned_variables:
                self._program.synchronize()
            results = self._results(taken)
        except BaseException:
            # Whatever the host does next with this memory, the devices are done with it.
            with suppress(Exception):
                self._program.synchronize()
            raise
        for name in given:
            storages[name].contents()
        return results

    def _taken(self, inputs: Sequence[Any]) -> TakenInputs:
        """Takes the inputs. What is on a device may be elsewhere in each call, so that no graph has it.

        Where a call does not wait for the program, the next one waits for no more than the copies from pinned memory.
        """
        given = dict(zip(self._layout.inputs, inputs, strict=True))
        on_device = {at: value for at, value in given.items() if isinstance(value, DeviceArray)}
        if self._kept is None or self._transfers.is_on_host:
            self._program.synchronize()  # an earlier call may still read the inputs
        else:
            self._reads.wait()
        uploads = self._transfers.inputs({at: given[at] for at in given if at not in on_device})
        copies = self._transfers.on_device(on_device)
        if self._kept is None:
            return TakenInputs(uploads, copies)
        # Memory of another device, or of another library, is in no order with what this one is told.
        first = self._queues[CUDA]
        may_change = any(value.is_shared or value.queue is not first for value in on_device.values())
        return TakenInputs((), [*uploads, *copies], bool(uploads) or may_change, may_change)

    def _results(self, taken: TakenInputs) -> list[Any]:
        if self._kept is None:
            self._program.synchronize()
            return self._transfers.take()
        results, copies = self._kept.taken()
        self._program.copy(copies)
        if taken.may_change:
            self._reads.wait()
        return results

    def _bound(
        self, sides: Mapping[int, VariableOnDevice | PinnedVariable], before: Copies, after: Copies
    ) -> BoundPlan:
        """The plan for variables at these places, which are the same in almost every call."""
        key = tuple([side.address for side in sides.values()]), tuple(before), tuple(after)
        bound = self._bindings.get(key)
        if bound is None:
            arrays = {**self._arguments.arrays, **{at: side.array for at, side in sides.items()}}
            variables = {name: arrays[at] for at, name in self._layout.variables.items()}
            bound = self._program.bind([arrays[at] for at in sorted(arrays)], variables, before, after)
            self._bindings[key] = bound
            if len(self._bindings) > KEPT_BINDINGS:
                self._bindings.popitem(last=False)
        self._bindings.move_to_end(key)
        return bound

    def _queue(self, device: str) -> DeviceQueue:
        """The queue of a device; memory of the host is pinned by that of the first."""
        device = CUDA if device == HOST else device
        if device not in self._queues:
            self._queues[device] = queue_of_device(device)
        return self._queues[device]

    def _key(self, at: int) -> tuple[str, str]:
        """What the storage of variables calls the place of an argument."""
        return "cuda", self._arguments.devices[at]

    def _side(self, at: int, storage: VariableStorage) -> VariableOnDevice | PinnedVariable:
        queue, (shape, dtype) = self._queue(self._arguments.devices[at]), self._arguments.types[at]
        kind = PinnedVariable if self._arguments.devices[at] == HOST else VariableOnDevice
        return storage.on_device(self._key(at), lambda: kind(self._layout.variables[at], queue, shape, dtype))


def _described(main: func.FuncOp, layout: Layout) -> str:
    """What messages call a step: its inputs, with their shapes."""
    arguments = main.body.block.args
    inputs = ", ".join(f"{arguments[at].name_hint or at}: {arguments[at].type}" for at in layout.inputs)
    return f"the step of ({inputs})" if inputs else "the step without inputs"
