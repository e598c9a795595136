"""`DeviceArray`: an array in the memory of a device, which steps give and take, and other libraries by DLPack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from pullback.dialects.graph.tensor.types import ArgumentTypeError

if TYPE_CHECKING:
    from pullback.backends.cuda_runtime.device_queue import DeviceQueue
    from pullback.backends.cuda_runtime.shared_memory import SharedMemory

# What knows devices is imported when there is an array on one.

Array = npt.NDArray[Any]


class DeviceArray:
    """An output of a step that stays on the device: `compile(..., device_outputs=True)` gives it.

    It may be there before its contents are: whoever reads it waits for them, or has the device wait. A step on the
    same target takes it as an input, and `torch.from_dlpack`, `cupy.from_dlpack` and `jax.dlpack.from_dlpack` take it
    without a copy: they share its memory. The memory is used again for an output when no array refers to it any more,
    neither this one nor one of another library.
    """

    DOCUMENTED: ClassVar = ("shape", "dtype", "device", "numpy", "wait")
    """The members that docs/python.md shows: the others are for the inside."""

    def __init__(self, described: Array, queue: DeviceQueue, memory: SharedMemory | None = None) -> None:
        self._described, self._queue, self._memory = described, queue, memory

    @property
    def shape(self) -> tuple[int, ...]:
        return self._described.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of the elements."""
        return self._described.dtype

    @property
    def ndim(self) -> int:
        return self._described.ndim

    @property
    def device(self) -> str:
        """The name of the device, such as `"cuda:0"`."""
        return f"cuda:{self._queue.number}"

    def numpy(self) -> Array:
        """A copy on the host, once the contents are there.

        Raises:
            CudaError: a step that was to compute them, or one before it, has failed on the device.
        """
        result = np.empty(self.shape, self.dtype)
        self.prepare()
        if result.nbytes:
            self._queue.copy(result.ctypes.data, self.address, result.nbytes, "a copy of an output")
            self._queue.synchronize()
        return result

    def wait(self) -> None:
        """Waits for the contents, and all that was asked of the device before: to measure time, say."""
        self._queue.enter()
        self._queue.synchronize()

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError(f"an array on {self.device} cannot be one of NumPy without a copy")
        return self.numpy() if dtype is None else self.numpy().astype(dtype, copy=False)

    def __dlpack_device__(self) -> tuple[int, int]:
        from pullback.backends.cuda_runtime.dlpack_capsules import CUDA

        return CUDA, self._queue.number

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        from pullback.backends.cuda_runtime.dlpack_capsules import CPU, capsule_of

        if dl_device is not None and tuple(dl_device) == (CPU, 0) and copy is not False:
            return self.numpy().__dlpack__()
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise BufferError(f"an array on {self.device} is asked for on device {tuple(dl_device)}")
        if copy or self._memory is None:
            return self._copied().__dlpack__(stream=stream, max_version=max_version)
        self._queue.enter()
        self._memory.give_to(stream)
        return capsule_of(self._described, self._queue.number, max_version)

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __reduce__(self) -> NoReturn:
        raise TypeError("memory of a device cannot be pickled or copied: take the array's numpy()")

    def __repr__(self) -> str:
        return f"<DeviceArray of shape {self.shape}, {self.dtype}, on {self.device}>"

    # ---- for executors ------------------------------------------------------------------------------------

    @property
    def queue(self) -> DeviceQueue:
        """The queue of its device."""
        return self._queue

    @property
    def address(self) -> int:
        """Where the elements begin, side by side."""
        return self._described.ctypes.data

    @property
    def nbytes(self) -> int:
        return self._described.nbytes

    @property
    def is_shared(self) -> bool:
        """Whether another library has the memory, which may change it as soon as a step returns."""
        return self._memory is None or self._memory.has_consumers

    def prepare(self) -> None:
        """Makes its device the current one, and has it wait for other libraries that share the memory."""
        self._queue.enter()
        if self._memory is not None:
            self._memory.await_consumers()

    def _copied(self) -> DeviceArray:
        from pullback.backends.cuda_runtime.shared_memory import SharedMemory

        self.prepare()
        memory = SharedMemory(self._queue, self.shape, self.dtype)
        copied = DeviceArray(memory.array(), self._queue, memory)
        if self.nbytes:
            self._queue.copy(copied.address, self.address, self.nbytes, "a copy of an output")
        return copied


def array_on_device(value: Any, what: str) -> DeviceArray | None:
    """An array of any library that DLPack gives on an NVIDIA device; `None` for whatever else.

    What its library has told the device to do with it is done before what we tell it from now on.

    Raises:
        ArgumentTypeError: the library does not give it, its elements do not lie side by side, or it is on a device of
            another kind.
    """
    if isinstance(value, DeviceArray):
        return value
    if isinstance(value, np.ndarray | np.generic) or not hasattr(type(value), "__dlpack_device__"):
        return None
    from pullback.backends.cuda_runtime.device_queues import device_queue
    from pullback.backends.cuda_runtime.dlpack_capsules import CUDA, HOST_KINDS, array_in

    kind, number = map(int, value.__dlpack_device__())
    if kind in HOST_KINDS:
        return None
    name = f"{type(value).__module__}.{type(value).__name__}"
    if kind != CUDA:
        raise ArgumentTypeError(
            f"{what}: {name} is on a device of DLPack's kind {kind}: expected cuda or cpu"
        )
    queue = device_queue(number)
    queue.enter()
    try:
        array = array_in(_capsule(value, int(queue.stream.handle)))
    except (BufferError, TypeError, ValueError, RuntimeError) as error:
        raise ArgumentTypeError(
            f"{what}: {name} on cuda:{number} cannot be taken by DLPack: {error}"
        ) from error
    if not array.flags.c_contiguous:
        raise ArgumentTypeError(
            f"{what}: the elements of {name} on cuda:{number} do not lie side by side in memory, of shape "
            f"{array.shape} and strides {array.strides}: pass a contiguous copy, such as contiguous() of it"
        )
    return DeviceArray(array, queue)


def _capsule(value: Any, stream: int) -> Any:
    from pullback.backends.cuda_runtime.dlpack_capsules import VERSION

    try:
        return value.__dlpack__(stream=stream, max_version=VERSION)
    except TypeError:  # it knows the first form alone
        return value.__dlpack__(stream=stream)
