"""The folder of compiled objects: nobody else can put code there, and nobody sees a part of an object."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import pytest

from pullback.backends.fibers.compile_text import compile_text
from pullback.backends.fibers.kernel_library import load
from pullback.backends.object_cache.private_folder import NotPrivateError, private_folder

pytestmark = pytest.mark.compiler

TEXT = 'extern "C" __global__ void k(float* y) { y[threadIdx.x] = 1.0f; }'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "made" / "objects"))
    return tmp_path / "made" / "objects"


def test_it_is_made_for_its_owner_alone(folder: Path) -> None:
    old = os.umask(0)
    try:
        assert private_folder() == folder
        library = compile_text(TEXT, ["k"])
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert library.parent == folder and library.stat().st_mode & 0o022 == 0
    assert sorted(path.suffix for path in folder.iterdir()) == [".o", ".o", ".so"]


def test_an_object_is_compiled_once(folder: Path) -> None:
    library = compile_text(TEXT, ["k"])
    made = library.stat().st_mtime_ns
    assert compile_text(TEXT, ["k"]) == library and library.stat().st_mtime_ns == made
    others = [compile_text(TEXT + "\n", ["k"]), compile_text(TEXT, ["k"], sanitize=True)]
    assert len({library, *others}) == 3


def test_objects_that_nobody_uses_go(folder: Path) -> None:
    now = time.time()
    old, used = (compile_text(TEXT + end, ["k"]) for end in ("", "\n"))
    for library in (old, used):
        os.utime(library, (now - 40 * 86400, now - 40 * 86400))
    compile_text(TEXT + "\n", ["k"])
    assert used.stat().st_mtime > now - 86400
    compile_text(TEXT + "\n\n", ["k"])
    assert used.exists() and not old.exists()


def test_one_that_others_may_enter(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with pytest.raises(NotPrivateError, match=r"others have rights to it \(mode 0755\)"):
        compile_text(TEXT, ["k"])


def test_one_that_is_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "there")
    with pytest.raises(NotPrivateError, match="it is a symbolic link"):
        compile_text(TEXT, ["k"])


def test_one_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_text(TEXT, ["k"])
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(NotPrivateError, match=f"it belongs to the user {os.getuid()}"):
        compile_text(TEXT, ["k"])


def test_one_that_is_a_file(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("")
    folder.chmod(0o600)
    with pytest.raises(NotPrivateError, match="it is not a folder"):
        compile_text(TEXT, ["k"])


def test_an_object_that_was_put_there(folder: Path, tmp_path: Path) -> None:
    library = compile_text(TEXT, ["k"])
    library.rename(tmp_path / "theirs.so")
    library.symlink_to(tmp_path / "theirs.so")
    with pytest.raises(NotPrivateError, match="it is a symbolic link"):
        compile_text(TEXT, ["k"])
    library.unlink()
    (tmp_path / "theirs.so").rename(library)
    library.chmod(0o777)
    with pytest.raises(NotPrivateError, match="others have rights"):
        compile_text(TEXT, ["k"])


def test_without_a_folder_for_caches_it_is_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULLBACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert private_folder() == tmp_path / "pullback"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert private_folder().stat().st_mode & 0o777 == 0o700


SLOW = """#!/bin/sh
case "$*" in *--version*) exec c++ --version;; esac
echo a part of an object > result
touch "$STARTED"
sleep 60
"""


def compiling(environment: Mapping[str, str]) -> int:
    """The number of a process, the first of its group, that compiles the text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks of threads
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        os.environ.update(environment)
        load(compile_text(TEXT, ["k"]))
        status = 0
    finally:
        os._exit(status)


def test_processes_that_compile_one_text_at_once(folder: Path) -> None:
    running = [compiling({}) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in running] == [0, 0, 0, 0]
    assert sorted(path.suffix for path in folder.iterdir()) == [".o", ".o", ".so"]


def test_a_process_that_is_killed_leaves_no_part_of_an_object(folder: Path, tmp_path: Path) -> None:
    compiler, started = tmp_path / "slow", tmp_path / "started"
    compiler.write_text(SLOW)
    compiler.chmod(0o700)
    child = compiling({"CXX": str(compiler), "STARTED": str(started)})
    while not started.exists():
        time.sleep(0.01)
    os.killpg(child, 9)
    os.waitpid(child, 0)
    left = list(folder.iterdir())
    assert left and all(path.name.startswith(".compiling-") for path in left)
    compile_text(TEXT, ["k"])
    assert all(path.exists() for path in left)  # somebody may be at work there
    for path in left:
        os.utime(path, (0, 0))
    compile_text(TEXT + "\n", ["k"])
    assert not any(path.exists() for path in left)
