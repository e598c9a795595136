"""Names of devices: the attribute `device` of operations, and the spellings that mean the same device."""

from __future__ import annotations

import re
from functools import lru_cache

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from pullback.dialects.ir.diagnostics import DiagnosticError

DEVICE = "device"
"""The attribute that says on which device an operation runs."""
HOST = "cpu:0"
"""The memory of the host: one, however many processors there are."""
CUDA = "cuda:0"
"""The device of a program that names none, on a target with devices."""
ACCEPTED = "'cpu:0', 'cuda:1' or TensorFlow's '/cpu:0', '/gpu:1', '/device:GPU:1'"
"""The spellings that `parse_device` accepts, for messages."""

_DEVICE = re.compile(r"(?:device:)?(cpu|gpu|cuda)(?::([0-9]{1,4}))?", re.IGNORECASE)
_PROCESS = re.compile(r"job:localhost|(?:replica|task):0", re.IGNORECASE)


@lru_cache(maxsize=1024)
def parse_device(text: str) -> str:
    """Normalises the name of a device: `cpu:0` for every processor of the host, `cuda:N` for a GPU.

    Raises:
        ValueError: the text names no device of this machine; the message says what is accepted.
    """
    *process, last = text.removeprefix("/").split("/")
    device = _DEVICE.fullmatch(last)
    if device is None:
        raise ValueError(f"{text!r} names no device: expected {ACCEPTED}")
    if elsewhere := [part for part in process if not _PROCESS.fullmatch(part)]:
        raise ValueError(
            f"{text!r} names a device of '{elsewhere[0]}': expected one of this process, "
            "/job:localhost/replica:0/task:0"
        )
    kind, number = device.groups()
    return HOST if kind.lower() == "cpu" else f"cuda:{int(number or 0)}"


def device_of_op(op: Operation) -> str | None:
    """The device that an operation asks for, normalised; None where it asks for none.

    Raises:
        DiagnosticError: the attribute names no device.
    """
    stated = op.attributes.get(DEVICE)
    if stated is None:
        return None
    try:
        if not isinstance(stated, StringAttr):
            raise ValueError(f"{stated} names no device: expected a string, as {ACCEPTED}")
        return parse_device(stated.data)
    except ValueError as error:
        raise DiagnosticError(f"'{op.name}': {DEVICE}: {error}", op) from None
