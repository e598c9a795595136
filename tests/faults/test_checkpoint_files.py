"""Checkpoints that were crafted, damaged or cut off, and files that are none.

States of generators were handed to NumPy unseen, which reads memory by them. Bad names and metadata raised whatever
came first, after variables had been replaced. Saves that were killed left folders; links and devices were replaced.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import pullback as pb
from pullback.frontend.train import replaced_file

KINDS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


def generator(kind: str, seed: int = 3) -> np.random.Generator:
    return np.random.Generator(getattr(np.random, kind)(seed))


def raw(header: dict[str, Any] | bytes, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    everything = path.read_bytes()
    length = int.from_bytes(everything[:8], "little")
    return json.loads(everything[8 : 8 + length]), everything[8 + length :]


def with_state(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Changes the state of generator 'r' in a file."""
    header, data = parts(path)
    state = json.loads(header["__metadata__"]["generator/r"])
    edited = edit(state)
    header["__metadata__"]["generator/r"] = json.dumps(state if edited is None else edited)
    path.write_bytes(raw(header, data))


def set_at(*keys: str, to: object) -> Callable[[dict[str, Any]], None]:
    def edit(state: dict[str, Any]) -> None:
        for key in keys[:-1]:
            state = state[key]
        state[keys[-1]] = to

    return edit


CRAFTED: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    *(("MT19937", set_at("state", "pos", to=v)) for v in (-1, 625, 10**6, 2**80, 1.0, True, None, "3", [1])),
    *(("Philox", set_at("buffer_pos", to=v)) for v in (-1, 5, 2**40)),
    *(("PCG64", set_at("has_uint32", to=v)) for v in (-1, 2, 1.0, None)),
    *(("PCG64", set_at("state", "state", to=v)) for v in (-1, 2**128, 0.5, {})),
    *(("SFC64", set_at("uinteger", to=v)) for v in (-1, 2**32)),
    *(("MT19937", set_at("state", "key", "array", to=v)) for v in ([], [1] * 623, [1] * 625, 3, [[1]] * 624)),
    *(("MT19937", set_at("state", "key", "array", to=[v] * 624)) for v in (-1, 2**32, 1.0, "x", None)),
    ("MT19937", set_at("state", "key", "dtype", to="uint64")),
    ("MT19937", set_at("state", "key", "dtype", to="object")),
    ("MT19937", set_at("state", "key", to=3)),
    *((kind, set_at("state", to=3)) for kind in KINDS),
    *((kind, lambda state: {"bit_generator": state["bit_generator"]}) for kind in KINDS),
    *((kind, lambda _: [1, 2]) for kind in KINDS),
    *((kind, set_at("bit_generator", to=3)) for kind in KINDS),
    *((kind, set_at("more", to=3)) for kind in KINDS),
]


@pytest.mark.parametrize(("kind", "edit"), CRAFTED)
def test_a_state_that_no_generator_has_is_refused(
    kind: str, edit: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        v = pb.Variable([1.0, 2.0], name="v")
    random = generator(kind)
    random.integers(0, 9, 3, np.int32)
    pb.train.save_checkpoint(path, g, {"r": random})
    v.array[...] = 7
    with_state(path, edit)
    before = random.bit_generator.state
    with pytest.raises(pb.train.CheckpointError, match="generator 'r'"):
        pb.train.restore_checkpoint(path, g, {"r": random})
    np.testing.assert_equal(random.bit_generator.state, before)
    np.testing.assert_array_equal(v.numpy(), [7, 7])


@pytest.mark.parametrize("kind", KINDS)
def test_states_go_there_and_back(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    random, other = generator(kind), generator(kind, 4)
    random.integers(0, 9, 3, np.int32)
    pb.train.save_checkpoint(path, [], {"r": random})
    pb.train.restore_checkpoint(path, [], {"r": other})
    np.testing.assert_array_equal(random.integers(0, 2**60, 2000), other.integers(0, 2**60, 2000))


def test_generators_of_other_kinds_are_refused(tmp_path: Path) -> None:
    class Other(np.random.PCG64):
        pass

    with pytest.raises(ValueError, match=r"expected one on MT19937, PCG64, .* got one on Other"):
        pb.train.save_checkpoint(tmp_path / "c", [], {"r": np.random.Generator(Other())})


METADATA: list[dict[str, Any]] = [
    {"generator/r": ""},
    {"generator/r": "[" * 100_000},
    {"generator/r": "null"},
    {"generator/r": '{"array": [1], "dtype": "no such"}'},
    {"complex128/v": ""},
    {"complex128/v": "", "generator/r": "{}"},
    {"random_state/0": "[1]"},
    {"random_state/0": "[1, 1e400]"},
    {"generator/r": 3},
    {"generator/r": None},
    {"generator/r": {"a": "b"}},
]


@pytest.mark.parametrize("metadata", METADATA)
def test_damaged_metadata_changes_nothing(metadata: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        v = pb.Variable([1.0, 2.0], name="v")
    random = generator("PCG64")
    pb.train.save_checkpoint(path, g, {"r": random})
    v.array[...] = 7
    header, data = parts(path)
    header["__metadata__"].update(metadata)
    path.write_bytes(raw(header, data))
    before = random.bit_generator.state
    with pytest.raises(pb.train.CheckpointError):
        pb.train.restore_checkpoint(path, g, {"r": random})
    assert random.bit_generator.state == before
    np.testing.assert_array_equal(v.numpy(), [7, 7])


@pytest.mark.parametrize("seed", range(4))
def test_damage_anywhere_is_an_error_or_other_numbers(seed: int, tmp_path: Path) -> None:
    """Bytes that change, go or come: a CheckpointError, or values; nothing else, and never half of the values."""
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        v, z = pb.Variable([1.0, 2.0], name="v"), pb.Variable(np.full(3, 1j), name="z")
    random = generator("MT19937")
    pb.train.save_checkpoint(path, g, {"r": random})
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little") + 8
    draw = np.random.default_rng(seed)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(draw.integers(1, 4)):
            at = int(draw.integers(0, header))
            kind = draw.integers(0, 3)
            if kind == 0:
                damaged[at] = int(draw.integers(0, 256))
            elif kind == 1:
                del damaged[at : at + int(draw.integers(1, 9))]
            else:
                damaged[at:at] = bytes(draw.integers(0, 256, 3, np.uint8))
        path.write_bytes(damaged)
        v.array[...], z.array[...] = 7, 7
        try:
            pb.train.restore_checkpoint(path, g, {"r": generator("MT19937")})
        except pb.train.CheckpointError:
            assert (v.numpy() == 7).all() and (z.numpy() == 7).all()


HEADERS: list[bytes] = [
    b"",
    b"\x00" * 7,
    (2**63).to_bytes(8, "little"),
    (2**40).to_bytes(8, "little") + b"{}",
    raw(b"[]"),
    raw(b"{"),
    raw(b"\xff\xfe"),
    raw({"v": 3}),
    raw({"v": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, b"1234"),
    raw({"v": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}, b"12"),
    raw({"v": {"dtype": "F32", "shape": [2], "data_offsets": [0, 80]}}, b"1234"),
    raw({"v": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}, b"1234"),
    raw({"v": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234"),
    raw({"v": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"1234"),
]


@pytest.mark.parametrize("contents", HEADERS)
def test_what_is_no_checkpoint(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(contents)
    with pb.Graph() as g:
        v = pb.Variable([1.0, 2.0], name="v")
    with pytest.raises(pb.train.CheckpointError, match=r"c\.safetensors"):
        pb.train.restore_checkpoint(path, g)
    np.testing.assert_array_equal(v.numpy(), [1, 2])


@pytest.mark.parametrize("name", [3, None, "__metadata__"])
def test_what_is_no_name(name: Any, tmp_path: Path) -> None:
    with pb.Graph():
        v = pb.Variable([1.0, 2.0], name="v")
    for function in (pb.train.save_checkpoint, pb.train.restore_checkpoint):
        with pytest.raises(ValueError, match="cannot be a name in a checkpoint"):
            function(tmp_path / "c", {name: v})
    assert list(tmp_path.iterdir()) == []


def test_others_read_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    arrays = {"ä/é": np.arange(6.0).reshape(2, 3), "b": np.array(True), "e": np.zeros((0, 3), np.int8)}
    with pb.Graph():
        pb.train.save_checkpoint(path, {name: pb.Variable(array) for name, array in arrays.items()})
    found = load_file(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_ctrl_c_comes_before_or_after_all_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        variables = [pb.Variable(np.full(3, 1.0), name="v") for _ in range(300)]
    pb.train.save_checkpoint(path, g)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for trial in range(20):
            for variable in variables:
                variable.array[...] = 7
            with suppress(KeyboardInterrupt):
                threading.Timer(0.0005 * trial, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
                pb.train.restore_checkpoint(path, g)
                time.sleep(1)
            assert len({float(variable.numpy()[0]) for variable in variables}) == 1
    finally:
        signal.signal(signal.SIGINT, before)


# ---- the file system ----------------------------------------------------------------------------------------


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
from pullback.frontend.train import replaced_file

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
