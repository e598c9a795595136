"""Contents of files with their digest before them: of one that is damaged or cut off nothing is read.

MAGIC                what is in the file
8 bytes              the length of the contents, lowest byte first
32 bytes             their SHA-256
the contents
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from pullback.backends.object_cache.kept_files import RESULT, keep
from pullback.backends.object_cache.private_folder import NotPrivateError, check_private

_LENGTH = 8
_DIGEST = 32
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK"))


def sealed(magic: bytes, contents: bytes) -> bytes:
    """The bytes of a file."""
    length = len(contents).to_bytes(_LENGTH, "little")
    return b"".join([magic, length, hashlib.sha256(contents).digest(), contents])


def unsealed(magic: bytes, file: bytes) -> bytes | None:
    """The contents that were sealed, unless this is anything else."""
    begin = len(magic) + _LENGTH + _DIGEST
    length, digest = file[len(magic) : len(magic) + _LENGTH], file[len(magic) + _LENGTH : begin]
    contents = file[begin:]
    is_whole = (
        file.startswith(magic)
        and int.from_bytes(length, "little") == len(contents)
        and hashlib.sha256(contents).digest() == digest
    )
    return contents if is_whole else None


def read_sealed(path: Path, magic: bytes) -> bytes | None:
    """The contents of a file, which is in use from now on; None where nobody but its owner may have written it whole.

    A link is not followed.

    Raises:
        FileNotFoundError: there is none.
    """
    try:
        handle = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError:  # a link, or what cannot be read
        return None
    try:
        entry = os.fstat(handle)
        if not stat.S_ISREG(entry.st_mode):
            return None
        check_private(path, entry)
        with os.fdopen(handle, "rb", closefd=False) as file:
            contents = unsealed(magic, file.read())
        if contents is not None:
            with suppress(OSError):  # the folder may be to read only
                os.utime(handle)
        return contents
    except (NotPrivateError, OSError):
        return None
    finally:
        os.close(handle)


def keep_sealed(path: Path, magic: bytes, contents: bytes) -> bool:
    """Makes the file, or replaces what is there; False where that is not possible, as on a full disk."""

    def write(work: Path) -> None:
        (work / RESULT).write_bytes(sealed(magic, contents))

    try:
        keep(path, write)
    except OSError:
        return False
    return True
