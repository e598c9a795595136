"""Remarks on devices that a program asks for in vain, as warnings at the line that asks."""

from __future__ import annotations

import warnings

from xdsl.ir import Operation

from pullback.dialects.ir.positions import noted_in, place_of


class DeviceWarning(UserWarning):
    """Devices that a program asks for are ignored, or others take their place."""


def warn_of_devices(message: str, op: Operation) -> None:
    """Warns at the line where an operation was written, in Python or in text."""
    note = noted_in(op.location)
    place = place_of(op) or (None if note is None else note.place())
    if place is None:
        warnings.warn(message, DeviceWarning, stacklevel=2)
    else:
        warnings.warn_explicit(message, DeviceWarning, place.file, place.line)
