"""Replaces files atomically: a reader finds the old contents or the new ones, whatever fails."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ENDING = ".unfinished"
"""The suffix of files that are being written."""
MARK = 16
"""The number of hexadecimal digits that tell such files apart."""


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replaces a file atomically by what `write` writes.

    It is written beside the file, flushed to the disk, and renamed. What is left there of a process that was killed
    while it did so is removed. A symbolic link stays, and the file that it names is replaced.

    Raises:
        OSError: the file cannot be written, or is none that can be replaced, such as a folder or a device.
    """
    target = _target(path)
    _remove_leftovers(target)
    with _fresh_file(target) as (fresh, file):
        write(file)
        file.flush()
        os.fsync(file.fileno())
        os.replace(fresh, target)
    _flush_folder(target.parent)


def _target(path: Path) -> Path:
    """The file behind symbolic links, which need not exist."""
    target = Path(os.path.realpath(path))
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, no file that can be replaced", str(path))
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "symbolic links that lead nowhere", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a device or a pipe, no file that can be replaced", str(path))
    return target


def _prefix(target: Path) -> str:
    return f".{os.fsdecode(os.fsencode(target.name)[:200])}-"


@contextmanager
def _fresh_file(target: Path) -> Generator[tuple[Path, BinaryIO]]:
    """A new file beside another one: locked while it is in use, and gone afterwards unless it was renamed."""
    while True:
        fresh = target.parent / f"{_prefix(target)}{os.urandom(MARK // 2).hex()}{ENDING}"
        file = open(fresh, "xb")  # noqa: SIM115 closed below, where the file goes too
        try:
            if _lock(file) and _is_at(file, fresh):
                yield fresh, file
                return
        finally:
            with suppress(FileNotFoundError):
                fresh.unlink()
            file.close()


def _remove_leftovers(target: Path) -> None:
    """Removes files of processes that were killed while they wrote: their locks are free."""
    prefix = _prefix(target)
    with os.scandir(target.parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(prefix)]
    for name in names:
        if not name.endswith(ENDING) or len(name) != len(prefix) + MARK + len(ENDING):
            continue
        with suppress(OSError), open(target.parent / name, "rb+") as file:
            if _lock(file):
                os.unlink(file.name)


def _lock(file: BinaryIO) -> bool:
    """Tries to lock a file; true, too, where files cannot be locked."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL) and "x" in file.mode
    return True


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Tells whether the file is still there: another process may have removed it between its creation and its lock."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _flush_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
