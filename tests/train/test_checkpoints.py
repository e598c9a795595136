"""Checkpoints: training continues as if it had never stopped, and files are replaced only as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import pullback as pb
from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype
from pullback.frontend.train.checkpoints import checkpoints

PROGRAM = """
import sys
import numpy as np
import pullback as pb

path, start, steps, target = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with pb.Graph() as g:
    random = np.random.default_rng(0)
    x, i = pb.placeholder("f32", (8, 4), name="x"), pb.placeholder("i32", (8,), name="i")
    w = pb.Variable(random.standard_normal((4, 3)).astype(np.float32), name="w")
    table = pb.Variable(random.standard_normal((20, 3)).astype(np.float32), name="table")
    count = pb.train.get_or_create_global_step()
    loss = pb.mean(pb.dropout(pb.tanh(x @ w), 0.5, seed=(3, count)) * pb.gather(table, i))
    update = pb.train.AdamOptimizer(0.1).minimize(loss, global_step=count)
    step = pb.compile([x, i], [loss, update], target=target)
if start:
    pb.train.restore_checkpoint(path, g, {"data": random})
for _ in range(steps):
    step(random.standard_normal((8, 4)).astype(np.float32), random.integers(0, 20, 8, np.int32))
assert count.numpy() == start + steps
pb.train.save_checkpoint(path, g, {"data": random})
"""


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_training_is_resumed_exactly(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten steps, and five here and five in another process, leave the same bits."""

    def run(name: str, start: int, steps: int) -> dict[str, Any]:
        path = tmp_path / name
        arguments = [str(path), str(start), str(steps), target]
        if start:
            subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True)
        else:
            monkeypatch.setattr(sys, "argv", ["-c", *arguments])
            exec(PROGRAM, {})
        return load_file(path)

    at_once = run("whole.safetensors", 0, 10)
    run("halves.safetensors", 0, 5)
    in_two = run("halves.safetensors", 5, 5)
    slots = ["table/Adam", "table/Adam_1", "w/Adam", "w/Adam_1"]
    assert sorted(at_once) == sorted(["beta1_power", "beta2_power", "global_step", "table", "w", *slots])
    assert at_once.keys() == in_two.keys()
    for name, array in at_once.items():
        assert array.tobytes() == in_two[name].tobytes(), name


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str, tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "c.safetensors"
    arrays = [
        rng.standard_normal(shape).astype(numpy_dtype(DTYPES[dtype])) for shape in ((), (17, 2), (3, 0))
    ]
    with pb.Graph() as g:
        variables = [pb.Variable(array, name="v") for array in arrays]
    pb.train.save_checkpoint(path, g)
    for variable in variables:
        variable.array[...] = np.ones_like(variable.array)
    pb.train.restore_checkpoint(path, g)
    for variable, array in zip(variables, arrays, strict=True):
        assert variable.array.tobytes() == array.tobytes()


def test_what_may_be_saved_and_restored(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        a, b = pb.Variable(1.0, name="a"), pb.Variable(2.0, name="b")
        pb.train.save_checkpoint(path)
        assert sorted(load_file(path)) == ["a", "b"]
        pb.train.save_checkpoint(str(path), [b])
        assert sorted(load_file(path)) == ["b"]
        pb.train.save_checkpoint(path, {"of_a": a, "of_b": b})
    a.array[...] = b.array[...] = 0
    pb.train.restore_checkpoint(path, {"of_b": a})
    assert (a.numpy(), b.numpy()) == (2, 0)
    pb.train.save_checkpoint(path, g)
    pb.train.restore_checkpoint(path, [a])


def test_a_step_sees_what_was_restored(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        v = pb.Variable([1.0, 2.0], name="v")
        step = pb.compile([], [v.read() * 1.0, v.assign_add(1.0)], target="cpu")
    pb.train.save_checkpoint(path, g)
    first, _ = step()
    pb.train.restore_checkpoint(path, g)
    again, _ = step()
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_generators_go_on(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    random = np.random.Generator(getattr(np.random, kind)(3))
    random.standard_normal(5)
    random.integers(0, 9, 3, np.int32)
    pb.train.save_checkpoint(path, [], {"data": random})
    expected = random.integers(0, 2**63, 9), random.random(9, np.float32)
    other = np.random.Generator(getattr(np.random, kind)(4))
    pb.train.restore_checkpoint(path, [], {"data": other})
    np.testing.assert_array_equal(other.integers(0, 2**63, 9), expected[0])
    np.testing.assert_array_equal(other.random(9, np.float32), expected[1])


def test_what_does_not_fit_is_named_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_file({"a": np.zeros(2, np.float32), "b": np.zeros((2, 3)), "w/Adam": np.ones(3, np.float32)}, path)
    with pb.Graph():
        a, b = pb.Variable([1.0, 2.0], name="a"), pb.Variable([1.0, 2.0], name="b")
        adam = pb.Variable([1.0], name="w/Adma")
    random = np.random.default_rng(0)
    state = random.bit_generator.state
    with pytest.raises(pb.train.CheckpointError) as error:
        pb.train.restore_checkpoint(path, [a, b, adam], {"data": random})
    text = str(error.value)
    assert text.startswith(f"{path}: 'b' has shape (2, 3) and dtype float64, the variable has shape (2,) and")
    assert "there is no 'w/Adma' in it (there is 'w/Adam')" in text
    assert "there is no state of generator 'data'" in text
    np.testing.assert_array_equal(a.numpy(), [1, 2])
    assert random.bit_generator.state == state
    pb.train.save_checkpoint(path, [], {"data": np.random.Generator(np.random.Philox(0))})
    with pytest.raises(ValueError, match="generator 'data' is a Philox there, and a PCG64 here"):
        pb.train.restore_checkpoint(path, [], {"data": random})


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        pb.train.restore_checkpoint(tmp_path / "nothing.safetensors", [])
    with pytest.raises(FileNotFoundError, match="nowhere"):
        pb.train.save_checkpoint(tmp_path / "nowhere" / "c.safetensors", [])
    (tmp_path / "text").write_text("this is no checkpoint")
    with pytest.raises(pb.train.CheckpointError, match="text is no checkpoint"):
        pb.train.restore_checkpoint(tmp_path / "text", [])
    whole = tmp_path / "whole"
    save_file({"a": np.zeros(2)}, whole)
    whole.write_bytes(whole.read_bytes()[:-3])
    with pytest.raises(pb.train.CheckpointError, match="whole is no checkpoint"):
        pb.train.restore_checkpoint(whole, [])


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.safetensors"
    with pb.Graph() as g:
        pb.Variable(1.0, name="v")
    pb.train.save_checkpoint(path, g)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    g.variables["v"].array[...] = 5
    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        pb.train.save_checkpoint(path, g)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    pb.train.save_checkpoint(tmp_path / "c.safetensors", [])
    assert os.stat(tmp_path / "c.safetensors").st_mode == os.stat(tmp_path / "other").st_mode


def test_arguments(tmp_path: Path) -> None:
    path: Any = tmp_path / "c.safetensors"
    wrong: Any
    with pb.Graph():
        a, same = pb.Variable(1.0, name="a"), pb.Variable(1.0)
        same.name = "a"
        for wrong, match in (
            (3, "variables: expected a graph, a list or a dict of variables, got int"),
            ([a, 3], r"variables\['1'\]: expected a variable, got int"),
            ({"x": "y"}, r"variables\['x'\]: expected a variable, got str"),
            ([a, same], "two variables of one name"),
        ):
            for function in (pb.train.save_checkpoint, pb.train.restore_checkpoint):
                with pytest.raises(ValueError, match=match):
                    function(path, wrong)
    for wrong, match in (
        ([1], "expected a dict from names"),
        ({"r": 3}, r"generators\['r'\]: expected a numpy"),
    ):
        with pytest.raises(ValueError, match=match):
            pb.train.save_checkpoint(path, [], wrong)
    with pytest.raises(ValueError, match="no graph"):
        pb.train.save_checkpoint(path)
    assert not path.exists()
