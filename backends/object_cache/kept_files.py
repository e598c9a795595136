"""Files that are made once and kept: nobody sees a part of one, whenever a process is killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from pullback.backends.object_cache.private_folder import check_private

WORK, RESULT = ".compiling-", "result"
"""The folders of compilations, and what each leaves there."""
PROGRAM = ".program"
"""How the names of kept native programs end."""
OBJECT = ".object"
"""How those of kept objects end that are part of every process."""
SUFFIXES = (".o", ".so", ".cubin", PROGRAM, OBJECT)
"""How the names of kept files end."""
LIMITS = {PROGRAM: 512 << 20, OBJECT: 8 << 20}
"""The most bytes that the files of one kind take together: those whose use lies furthest back go first."""
_DAY = 24 * 3600
KEPT_DAYS = 30
"""How long a file is kept that nobody uses."""


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """The file at `path`; where it is not there, `make` leaves `RESULT` in a folder that it is given."""
    return path if is_kept(path) else keep(path, make)


def is_kept(path: Path) -> bool:
    """Whether there is a file, which is in use from now on.

    Raises:
        NotPrivateError: somebody else can write to it.
    """
    try:
        entry = path.lstat()
    except FileNotFoundError:
        return False
    check_private(path, entry)
    if time.time() - entry.st_mtime > _DAY:
        with suppress(OSError):  # the folder may be to read only
            path.touch()
    return True


def keep(path: Path, make: Callable[[Path], None]) -> Path:
    """Makes the file at `path`, or puts another one in its place: in a folder beside it, and renamed."""
    _remove_stale(path.parent, SUFFIXES)
    work = Path(tempfile.mkdtemp(prefix=WORK, dir=path.parent))
    try:
        make(work)
        (work / RESULT).chmod(0o700)
        os.replace(work / RESULT, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if path.suffix in LIMITS:
        _remove_least_recent(path.parent, path.suffix, LIMITS[path.suffix])
    return path


def _remove_least_recent(folder: Path, kind: str, limit: int) -> None:
    """Removes the files of a kind whose use lies furthest back, until the others take no more than `limit` bytes."""
    found: list[tuple[int, int, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(kind):
                with suppress(FileNotFoundError):  # another process removes it, too
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime_ns, status.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            break
        with suppress(OSError):
            os.unlink(path)
        total -= size


def _remove_stale(folder: Path, suffixes: Collection[str]) -> None:
    """Removes what compilations left behind that were killed a day ago or earlier, and files that nobody uses."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process removes it, too
            age = time.time() - path.lstat().st_mtime
            if path.name.startswith(WORK) and age > _DAY:
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix in suffixes and age > KEPT_DAYS * _DAY:
                path.unlink()
