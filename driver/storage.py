"""The contents of variables: on the host, on devices, or both, wherever they are current."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]


class DeviceSide(Protocol):
    """Memory of a device for the contents of a variable."""

    def upload(self, array: Array) -> None:
        """Copies from the host; the array may change once this returns."""

    def download(self, array: Array) -> None:
        """Copies to the host, after all that the device has been told to do."""


class VariableStorage:
    """The contents of one variable. Whoever uses it holds the variable's lock."""

    def __init__(self, array: Array) -> None:
        self._array = array
        self._host_is_current = True
        self._sides: dict[object, DeviceSide] = {}
        self._current: object | None = None
        """The device whose side is current, if one is."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> Any:
        return self._array.dtype

    def contents(self) -> Array:
        """The host's array, to read."""
        if not self._host_is_current:
            self._sides[self._current].download(self._array)
            self._host_is_current = True
        return self._array

    def on_host(self) -> Array:
        """The host's array, to read and to change: what devices have is out of date from now on."""
        if self._current is None:
            return self._array
        array = self.contents()
        self._current = None
        return array

    def on_device(self, device: object, make: Callable[[], Any]) -> Any:
        """The side of a device, to read; made by `make` when the device first needs it."""
        side = self._sides.get(device)
        if side is None:
            side = self._sides[device] = make()
        if self._current != device:
            side.upload(self.contents())
            self._current = device
        return side

    def changed_on_device(self) -> None:
        """Says that the device whose side is current changes the contents: the host's are out of date."""
        self._host_is_current = False


class StoredVariables(Mapping[str, Array]):
    """The contents of variables by name: as arrays of the host, for those who know no devices."""

    def __init__(self, storages: Mapping[str, VariableStorage]) -> None:
        self.storages = storages

    def __getitem__(self, name: str) -> Array:
        return self.storages[name].on_host()

    def __iter__(self) -> Iterator[str]:
        return iter(self.storages)

    def __len__(self) -> int:
        return len(self.storages)
