"""Checkpoints that were crafted, damaged or cut off, and files that are none.

States of generators were handed to NumPy unseen, which reads memory by them. Bad names and metadata raised whatever
came first, after variables had been replaced.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import pullback as pb

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
