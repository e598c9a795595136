"""The queues of the devices of this process."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from contextlib import suppress

from pullback.backends.cuda_runtime.api import cuda_core, device_count, note_use, refuse_in_child
from pullback.backends.cuda_runtime.cuda_error import CudaError, first_line
from pullback.backends.cuda_runtime.device_order import DeviceOrder
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.dialects.graph.tensor.device import CUDA, HOST
from pullback.process.locks import Lock

_queues: dict[tuple[int, int], DeviceQueue] = {}
"""By the module that takes the place of `cuda.core`, and the number."""
_lock = Lock()


def device_queue(number: int = 0) -> DeviceQueue:
    """The queue of `cuda:N`, made when it is first asked for.

    Raises:
        CudaMissingError: the wheel, the driver or the device is missing, or this process is the child of one that
            has used devices.
    """
    refuse_in_child()
    with _lock:
        module = id(cuda_core())
        if (module, number) not in _queues:
            count = device_count()
            if number >= count:
                names = ", ".join(f"cuda:{n}" for n in range(count))
                raise CudaError(f"there is no device cuda:{number} on this machine: expected one of {names}")
            note_use()
            others = [queue for (of, _), queue in _queues.items() if of == module]
            order = _ordered(others) if others else None
            queue = _queues[module, number] = _made(number, order)
            for other in others:
                queue.failures.stand_beside(other.failures)
        return _queues[module, number]


def queue_of_device(device: str) -> DeviceQueue:
    """The queue of a device by its name, made the current one; the first one's has the pinned memory of the host.

    Raises as `device_queue`.
    """
    queue = device_queue(int((CUDA if device == HOST else device).removeprefix("cuda:")))
    queue.enter()
    return queue


def _made(number: int, order: DeviceOrder | None) -> DeviceQueue:
    try:
        return DeviceQueue(number, order)
    except CudaError:
        raise
    except Exception as error:
        raise CudaError(
            f"cuda:{number} cannot be used: {first_line(error)}. nvidia-smi shows who uses it, and its memory"
        ) from error


def _ordered(queues: Sequence[DeviceQueue]) -> DeviceOrder:
    """The order of queues that get another one beside them. The first was alone, and what it does is not known."""
    (first, *_) = queues
    if first.order is None:
        first.enter()
        first.synchronize()
        first.order = DeviceOrder()
    return first.order


def forget(module: object) -> None:
    """Forgets the queues of what has taken the place of `cuda.core`; programs keep theirs."""
    with _lock:
        for key in [key for key, queue in _queues.items() if queue.module is module]:
            del _queues[key]


def _settle(process: int) -> None:
    """Waits for the devices before the process ends: what they still use is about to go."""
    if process == os.getpid():
        for queue in _queues.values():
            with suppress(Exception):
                queue.enter()
                queue.stream.sync()


atexit.register(_settle, os.getpid())
