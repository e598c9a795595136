"""The contents of variables: on the host, on devices, or both, wherever they are current."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
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
        self._current: set[object] = set()
        """The devices whose sides are current. Where the host's is not, there is one. It is the same set for good."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> Any:
        return self._array.dtype

    def contents(self) -> Array:
        """The host's array, to read: what devices have stays current."""
        if not self._host_is_current:
            self._sides[next(iter(self._current))].download(self._array)
            self._host_is_current = True
        return self._array

    def on_host(self) -> Array:
        """The host's array, to read and to change: what devices have is out of date from now on."""
        if self._current:
            self.contents()
            self._current.clear()
        return self._array

    def known_to_host_alone(self) -> tuple[Array, Collection[object]]:
        """The host's array, and a collection: while that is empty, the array is current, and no device has it."""
        return self._array, self._current

    def replace(self, values: npt.ArrayLike) -> None:
        """Replaces the contents; what devices had is not looked at."""
        self._array[...] = values
        self._host_is_current = True
        self._current.clear()

    def on_device(self, device: object, make: Callable[[], Any]) -> Any:
        """The side of a device, to read; made by `make` when the device first needs it."""
        side = self._sides.get(device)
        if side is None:
            side = self._sides[device] = make()
        if device not in self._current:
            side.upload(self.contents())
            self._current.add(device)
        return side

    def changed_on_device(self, device: object) -> None:
        """Says that a device whose side is current changes the contents: all others are out of date."""
        self._current.clear()
        self._current.add(device)
        self._host_is_current = False

    @property
    def is_on_host_alone(self) -> bool:
        """Whether no device has the contents, so that only the host may have changed them lately."""
        return not self._current


class StoredVariables(Mapping[str, Array]):
    """The contents of the variables of a step, by name: as arrays of the host, for those who know no devices.

    Args:
        storages: where the contents are.
        changed: the names of the variables that the step may change. What devices have of the others stays current.
    """

    def __init__(self, storages: Mapping[str, VariableStorage], changed: Collection[str]) -> None:
        self.storages, self.changed = storages, frozenset(changed)
        self._arrays: dict[str, Callable[[], Array]] = {
            name: storage.on_host if name in self.changed else storage.contents
            for name, storage in storages.items()
        }

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.storages)

    def __len__(self) -> int:
        return len(self.storages)

    def on_host_alone(self) -> list[Array]:
        """The arrays of those that no device has."""
        return [storage.contents() for storage in self.storages.values() if storage.is_on_host_alone]
