"""Reading and writing files for the command line: errors for people, and no file half written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pullback.process import whole_files

STANDARD = "-"


class FileError(Exception):
    """A file cannot be read or written; the message names it and says why."""


def read_text(path: str) -> str:
    """The text of a file, or of standard input for `-`.

    Raises:
        FileError: the file is missing, a directory, unreadable, or not UTF-8.
    """
    name = "<stdin>" if path == STANDARD else path
    try:
        data = sys.stdin.buffer.read() if path == STANDARD else Path(path).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise FileError(f"{name}: error: cannot read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{name}: error: not UTF-8 text (byte {error.start}); expected MLIR") from None


def write_out(text: str) -> None:
    """Print a text on standard output.

    Raises:
        BrokenPipeError: the reader left.
        FileError: the disk that it goes to is full, or what else there may be.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] Python's answer to a closed one
        raise FileError("<stdout>: error: cannot write: it is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_standard_output()
        raise FileError(f"<stdout>: error: cannot write: {error.strerror}") from None
    except UnicodeEncodeError as error:
        raise FileError(
            f"<stdout>: error: cannot write {error.object[error.start]!r} in {error.encoding}"
        ) from None


def is_terminal() -> bool:
    """Tells whether standard output is one."""
    return sys.stdout is not None and sys.stdout.isatty()  # pyright: ignore[reportUnnecessaryComparison]


def forget_standard_output() -> None:
    """Redirects standard output to the null device: flushing what is buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside `path` and rename, so that a reader sees the old file or the new one.

    Raises:
        FileError: the folder is missing or the file cannot be written.
    """
    try:
        whole_files.write_bytes(path, data)
    except OSError as error:
        raise FileError(f"{path}: error: cannot write: {error.strerror}") from None
