"""Sealed files: whoever is killed, and whatever damages them, what is read is what was written, or nothing."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pullback.backends.object_cache import kept_files
from pullback.backends.object_cache.sealed_files import keep_sealed, read_sealed, sealed, unsealed

MAGIC = b"a test 1\n"
OLD, NEW = b"old " * 50, b"new contents " * 20


def path_in(folder: Path, name: str = "a") -> Path:
    return folder / f"{name}.program"


def test_each_byte_counts(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    whole = sealed(MAGIC, b"contents")
    for at in range(len(whole)):
        damaged = whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :]
        assert unsealed(MAGIC, damaged) is None
        assert unsealed(MAGIC, whole[:at]) is None
    assert unsealed(MAGIC, whole + b"\0") is None
    assert unsealed(b"another 1\n", whole) is None
    assert unsealed(MAGIC, whole) == b"contents"
    path.write_bytes(whole[:-1])
    assert read_sealed(path, MAGIC) is None
    assert keep_sealed(path, MAGIC, b"contents") and read_sealed(path, MAGIC) == b"contents"


@pytest.mark.parametrize("what", ["link", "others", "somebody", "folder", "pipe", "broken link"])
def test_what_is_not_read(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, elsewhere = path_in(tmp_path), tmp_path / "elsewhere"
    assert keep_sealed(path, MAGIC, OLD)
    if what == "link":
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
    elif what == "broken link":
        path.unlink()
        path.symlink_to(elsewhere)
    elif what == "others":
        path.chmod(0o666)
    elif what == "somebody":
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    else:
        path.unlink()
        path.mkdir() if what == "folder" else os.mkfifo(path)
    assert read_sealed(path, MAGIC) is None
    monkeypatch.undo()
    assert keep_sealed(path, MAGIC, NEW) is (
        what != "folder"
    )  # a folder is not replaced, and is no file either
    if what != "folder":
        assert read_sealed(path, MAGIC) == NEW and not path.is_symlink()
    if what == "link":
        assert unsealed(MAGIC, elsewhere.read_bytes()) == OLD


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_in(tmp_path)
    assert keep_sealed(path, MAGIC, OLD)

    def full(path: Path, contents: bytes) -> int:
        with path.open("wb") as file:
            file.write(contents[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert not keep_sealed(path, MAGIC, NEW)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert read_sealed(path, MAGIC) == OLD


def in_child(action: Callable[[], object]) -> int:
    """The number of a process that does this, and ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks of threads
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)


def killed_at(number: int, path: Path) -> bool:
    """Whether a process that replaces a file is killed before its so manieth access to the file system."""
    left = [number]

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event.partition(".")[0] in ("os", "open", "shutil", "tempfile") and str(path.parent) in str(
            arguments
        ):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def replace() -> None:
        sys.addaudithook(count)
        keep_sealed(path, MAGIC, NEW)

    return os.waitstatus_to_exitcode(os.waitpid(in_child(replace), 0)[1]) == -signal.SIGKILL


def test_a_process_that_is_killed_anywhere(tmp_path: Path) -> None:
    seen: list[bytes | None] = []
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir(mode=0o700)
        assert keep_sealed(path_in(folder), MAGIC, OLD)
        was_killed = killed_at(number, path_in(folder))
        seen.append(read_sealed(path_in(folder), MAGIC))
        if not was_killed:
            break
        assert keep_sealed(path_in(folder), MAGIC, NEW) and read_sealed(path_in(folder), MAGIC) == NEW
    assert len(seen) > 6
    assert seen == sorted(seen, key=(OLD, NEW).index)  # the old one as far as the renaming, then the new one
    assert {*seen} == {OLD, NEW}


def test_a_process_that_is_killed_while_it_writes(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    assert keep_sealed(path, MAGIC, OLD)

    def write(self: Path, data: Any) -> int:
        with self.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def replace() -> None:
        Path.write_bytes = write
        keep_sealed(path, MAGIC, NEW)

    assert os.waitstatus_to_exitcode(os.waitpid(in_child(replace), 0)[1]) == -signal.SIGKILL
    assert read_sealed(path, MAGIC) == OLD
    assert keep_sealed(path, MAGIC, NEW) and read_sealed(path, MAGIC) == NEW


def test_processes_that_write_one_file_at_once(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    contents = [bytes([number]) * 100_000 for number in range(4)]
    ready, go = os.pipe(), os.pipe()

    def write(number: int) -> None:
        os.write(ready[1], b".")
        os.read(go[0], 1)
        for _ in range(20):
            assert keep_sealed(path, MAGIC, contents[number])
            assert read_sealed(path, MAGIC) in contents

    children = [in_child(lambda number=number: write(number)) for number in range(4)]
    waiting = 0
    while waiting < len(children):
        waiting += len(os.read(ready[0], 4))
    os.write(go[1], b"....")
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert read_sealed(path, MAGIC) in contents
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_those_whose_use_lies_furthest_back_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size, now = len(sealed(MAGIC, OLD)), time.time() - 100
    monkeypatch.setitem(kept_files.LIMITS, ".program", 3 * size)
    for number, name in enumerate("abc"):
        assert keep_sealed(path_in(tmp_path, name), MAGIC, OLD)
        os.utime(path_in(tmp_path, name), (now + number, now + number))
    (tmp_path / "other.cubin").write_bytes(bytes(10 * size))
    assert read_sealed(path_in(tmp_path, "a"), MAGIC) == OLD
    assert keep_sealed(path_in(tmp_path, "d"), MAGIC, OLD)
    assert sorted(p.stem for p in tmp_path.glob("*.program")) == ["a", "c", "d"]
    assert keep_sealed(path_in(tmp_path, "e"), MAGIC, OLD * 2)
    assert sorted(p.stem for p in tmp_path.glob("*.program")) == ["d", "e"]
    assert (tmp_path / "other.cubin").exists()
