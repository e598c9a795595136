"""Object files of LLVM IR that every process needs, which are compiled once for all of them.

The programs of users are kept by what they were before they were lowered; this text is at hand, and is its own key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

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
    made = _beside.pop(text, None)
    if made is None:
        path = _path(text)
        made = _read(path)
        if made is None:
            (made,) = emit_objects([text])
            _keep(path, made)
    return made


def not_kept(texts: Sequence[str]) -> list[str]:
    """Those modules that `kept_object` would have to compile."""
    return [text for text in texts if text not in _beside and _read(_path(text)) is None]


def keep_object(text: str, made: bytes) -> None:
    """Has `kept_object` find the object file of a module, which was compiled beside others."""
    _keep(_path(text), made)
    _beside[text] = made


_beside: dict[str, bytes] = {}
"""Object files that were compiled beside others, by their text, until they are asked for."""


def _path(text: str) -> Path | None:
    """Where the object file of a module is kept; None where nothing is."""
    if not PROGRAMS.is_on:
        return None
    try:
        folder, key = lasting_folder(), [own_digest(), *machine_key(), text]
    except (NotPrivateError, UnknownSourceError):
        return None
    name = hashlib.sha256(chr(0).join(key).encode()).hexdigest()[:40]
    return None if folder is None else folder / f"{name}{OBJECT}"


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else read_sealed(path, MAGIC)
    except FileNotFoundError:
        return None


def _keep(path: Path | None, made: bytes) -> None:
    if path is not None:
        keep_sealed(path, MAGIC, made)
