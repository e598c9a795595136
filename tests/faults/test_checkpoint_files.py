"""Checkpoint files: full disks, saves that were killed, links and devices.

Saves that were killed left folders; links and devices were replaced.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import pullback as pb
from pullback.frontend.train.checkpoints import replaced_file


def saved(path: Path, value: float = 1.0, size: int = 1) -> pb.Graph:
    with pb.Graph() as g:
        pb.Variable(np.full(size, value), name="v")
    pb.train.save_checkpoint(path, g)
    return g


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    g = saved(path, size=10_000)
    before = path.read_bytes()
    g.variables["v"].array[...] = 5
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            pb.train.save_checkpoint(path, g)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, sys
import numpy as np
import pullback as pb
from pullback.frontend.train.checkpoints import replaced_file

def killed(*_):
    os.kill(os.getpid(), 9)

setattr(os, sys.argv[2], killed)
with pb.Graph() as g:
    pb.Variable(np.ones(1000), name="v")
pb.train.save_checkpoint(sys.argv[1], g)
"""


def test_what_killed_saves_leave_is_removed_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    saved(path)
    before = path.read_bytes()
    for function in ("fsync", "replace"):
        done = subprocess.run([sys.executable, "-c", KILLED, str(path), function], check=False)
        assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2  # the second save has removed what the first one left
    assert path.read_bytes() == before
    others = [tmp_path / ".c.safetensors-notes", tmp_path / f".other-{'0' * 16}.unfinished"]
    for other in others:
        other.touch()
    saved(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_a_save_that_runs_is_no_leftover(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"

    def outer(file: Any) -> None:
        saved(path, 2.0)
        file.write(b"outer")

    replaced_file.replace_file(path, outer)
    assert path.read_bytes() == b"outer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_taken_for_a_leftover_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.safetensors"
    times: list[str] = []
    lock = replaced_file._lock

    def late(file: Any) -> bool:
        times.append(file.name)
        if len(times) == 1:
            os.unlink(file.name)  # as another save does between creation and lock
        return lock(file)

    monkeypatch.setattr(replaced_file, "_lock", late)
    saved(path)
    assert len(times) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, missing = tmp_path / "there" / "a", tmp_path / "link", tmp_path / "missing"
    link.symlink_to(Path("there") / "a")
    missing.symlink_to(tmp_path / "there" / "b")
    g = saved(target)
    g.variables["v"].array[...] = 5
    for path in (link, missing):
        pb.train.save_checkpoint(path, g)
        assert path.is_symlink()
        assert load_file(path)["v"] == 5
        pb.train.restore_checkpoint(path, g)
    assert load_file(target)["v"] == 5
    assert sorted(p.name for p in (tmp_path / "there").iterdir()) == ["a", "b"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe, folder, loop = tmp_path / "pipe", tmp_path / "folder", tmp_path / "loop"
    os.mkfifo(pipe)
    folder.mkdir()
    loop.symlink_to(loop)
    for path in (pipe, folder, loop, Path("/dev/null"), Path("/dev/full")):
        with pytest.raises(OSError, match=str(path.name)):
            saved(path)
    assert pipe.is_fifo() and folder.is_dir() and loop.is_symlink()
    for path in (pipe, folder, Path("/dev/zero")):
        with pytest.raises(pb.train.CheckpointError, match=path.name), pb.Graph():
            pb.train.restore_checkpoint(path, [])
    with pytest.raises(OSError, match="loop"), pb.Graph():
        pb.train.restore_checkpoint(loop, [])


def test_older_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_file({"z": np.array([[1.0, 2.0]])}, path, {"complex128/z": ""})
    with pb.Graph():
        z = pb.Variable(np.zeros(1, np.complex128), name="z")
    pb.train.restore_checkpoint(path, [z])
    assert z.numpy() == 1 + 2j
