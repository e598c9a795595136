"""The folder of compiled objects: code that is loaded from it must not come from anybody else."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from pullback.dialects.ir.diagnostics import DiagnosticError

VARIABLE = "PULLBACK_CACHE"
"""The environment variable that names the folder."""
NOTHING = "0"
"""What it says where nothing is to be kept."""


class NotPrivateError(DiagnosticError, RuntimeError):
    """Somebody else could put code into the folder."""


def private_folder() -> Path:
    """The folder of compiled objects, made if it is not there, which its owner alone can enter.

    Where nothing is to be kept, or no folder can be made, it is a temporary one for this process.

    Raises:
        NotPrivateError: see `lasting_folder`.
    """
    return lasting_folder() or _temporary()


def lasting_folder() -> Path | None:
    """The folder that later processes find, too, made if it is not there; None if nothing is to be kept.

    `PULLBACK_CACHE` names it, or is 0; otherwise it is `pullback` in the user's folder for caches, or nowhere.

    Raises NotPrivateError for a folder that is a link, somebody else's, or open to others, and for one that is named
    and cannot be made.
    """
    named = os.environ.get(VARIABLE)
    if named == NOTHING:
        return None
    if named:
        try:
            return _checked(Path(named).absolute())
        except OSError as error:
            raise NotPrivateError(
                f"compiled code cannot be kept in {named}, which {VARIABLE} names: {error.strerror}"
            ) from error
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(caches) / "pullback"
    if not folder.is_absolute():
        return None
    try:
        return _checked(folder)
    except OSError:  # no home, or one that is read-only
        return None


def check_private(path: Path, entry: os.stat_result) -> None:
    """Refuse what is not the user's own, or what others may write to; for a folder, what they may enter."""
    forbidden = 0o077 if stat.S_ISDIR(entry.st_mode) else 0o022
    if stat.S_ISLNK(entry.st_mode):
        reason = "it is a symbolic link"
    elif entry.st_uid != os.geteuid():
        reason = f"it belongs to the user {entry.st_uid}"
    elif entry.st_mode & forbidden:
        reason = f"others have rights to it (mode {stat.S_IMODE(entry.st_mode):04o})"
    else:
        return
    raise NotPrivateError(
        f"compiled code is not loaded from {path}: {reason}. Remove it, or name another folder by {VARIABLE}"
    )


def _checked(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    entry = folder.lstat()
    check_private(folder, entry)
    if not stat.S_ISDIR(entry.st_mode):
        raise NotPrivateError(f"compiled code is not kept in {folder}: it is not a folder")
    return folder


@cache
def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pullback-"))  # mode 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
