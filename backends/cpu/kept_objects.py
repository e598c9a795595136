"""Object files of LLVM IR that every process needs, which are compiled once for all of them.

The programs of users are kept by what they were before they were lowered; this text is at hand, and is its own key.
"""

from __future__ import annotations

import hashlib

from pullback.backends.cpu.emit_objects import emit_objects
from pullback.backends.cpu.machine import machine_key
from pullback.backends.object_cache.kept_files import OBJECT
from pullback.backends.object_cache.private_folder import NotPrivateError, lasting_folder
from pullback.backends.object_cache.program_cache import PROGRAMS
from pullback.backends.object_cache.sealed_files import keep_sealed, read_sealed
from pullback.process.source_digest import UnknownSourceError, own_digest

MAGIC = b"pullback object 1\n"


def kept_object(text: str) -> bytes:
    """The object file of a module of LLVM IR, compiled now or earlier."""
    if not PROGRAMS.is_on:
        return emit_objects([text])[0]
    try:
        folder, key = lasting_folder(), [own_digest(), *machine_key(), text]
    except (NotPrivateError, UnknownSourceError):
        folder, key = None, []
    if folder is None:
        return emit_objects([text])[0]
    path = folder / f"{hashlib.sha256(chr(0).join(key).encode()).hexdigest()[:40]}{OBJECT}"
    try:
        found = read_sealed(path, MAGIC)
    except FileNotFoundError:
        found = None
    if found is None:
        (found,) = emit_objects([text])
        keep_sealed(path, MAGIC, found)
    return found
