"""Remarks of tools: warnings about devices, on standard error, as the tools of LLVM write them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TextIO

from pullback.passes.placement.device_warnings import DeviceWarning


@contextmanager
def remarks_shown() -> Generator[None]:
    """Shows each `DeviceWarning` within this block as `file:line: remark: …`; other warnings as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DeviceWarning)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, DeviceWarning):
                others(message, category, filename, lineno, file, line)
                return
            with suppress(OSError):  # there is no reader left to be told
                print(f"{filename}:{lineno}: remark: {message}", file=sys.stderr)

        warnings.showwarning = show
        yield
