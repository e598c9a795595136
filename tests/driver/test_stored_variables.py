"""Where the contents of variables are: on the host, on devices, or both; and how often they are copied."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.driver.storage import StoredVariables, VariableStorage
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.cuda_core.stand_in import StandIn

WHO = st.sampled_from(["first", "second"])


class Side:
    """Memory of a device that counts what is copied there and back."""

    def __init__(self, copies: list[str], name: str, array: np.ndarray) -> None:
        self.copies, self.name, self.array = copies, name, np.full_like(array, np.nan)

    def upload(self, array: np.ndarray) -> None:
        self.copies.append(f"to {self.name}")
        self.array[...] = array

    def download(self, array: np.ndarray) -> None:
        self.copies.append(f"from {self.name}")
        array[...] = self.array


def test_what_is_current_is_not_copied() -> None:
    copies: list[str] = []
    storage = VariableStorage(np.zeros(2, np.float32))

    def side(name: str) -> Any:
        return storage.on_device(name, lambda: Side(copies, name, storage.contents()))

    for name in "aba":
        side(name)
    storage.contents()
    assert copies == ["to a", "to b"]
    side("a").array += 1
    storage.changed_on_device("a")
    for name in "ba":
        side(name)
    storage.contents()
    assert copies[2:] == ["from a", "to b"]
    np.testing.assert_array_equal(side("b").array, [1, 1])
    storage.on_host()[...] = 5
    side("b")
    assert copies[4:] == ["to b"]
    storage.changed_on_device("b")
    storage.replace([3, 4])
    assert copies[5:] == []
    np.testing.assert_array_equal(side("a").array, [3, 4])


def test_a_copy_that_fails_changes_nothing() -> None:
    """What is true after a failure is what was true before it."""

    class Failing(Side):
        def upload(self, array: np.ndarray) -> None:
            super().upload(array)
            if len(self.copies) == 1:
                raise KeyboardInterrupt

        def download(self, array: np.ndarray) -> None:
            array[0] = np.nan
            if len(self.copies) == 2:
                self.copies.append("interrupted")
                raise KeyboardInterrupt
            super().download(array)

    copies: list[str] = []
    storage = VariableStorage(np.ones(2, np.float32))

    def side() -> Any:
        return storage.on_device("a", lambda: Failing(copies, "a", storage.contents()))

    with pytest.raises(KeyboardInterrupt):
        side()
    side().array[...] = 7
    storage.changed_on_device("a")
    with pytest.raises(KeyboardInterrupt):
        storage.contents()
    np.testing.assert_array_equal(storage.contents(), [7, 7])
    assert copies == ["to a", "to a", "interrupted", "from a"]


def test_a_step_of_the_host_says_what_it_changes() -> None:
    copies: list[str] = []
    storages = {name: VariableStorage(np.zeros(2, np.float32)) for name in "vw"}
    for name, storage in storages.items():
        storage.on_device("a", lambda name=name: Side(copies, name, np.zeros(2, np.float32)))
    stored = StoredVariables(storages, changed="w")
    assert stored["v"] is storages["v"].contents()
    assert stored["w"] is storages["w"].contents()
    assert [storage.is_on_host_alone for storage in storages.values()] == [False, True]
    assert [array is storages["w"].contents() for array in stored.on_host_alone()] == [True]


def kinds(core: StandIn) -> list[str]:
    """The kinds and sizes of the copies since the last call, sorted."""
    found = sorted(f"{each.kind} {each.size}" for each in core.recording.copies())
    core.recording.records.clear()
    return found


@pytest.mark.compiler
def test_variables_stay_on_the_device(tmp_path: Path) -> None:
    """Vectors have 32 bytes, the input 16: w is changed, v is only read, and m holds truth values."""
    with pb.Graph() as graph:
        x = pb.placeholder("f32", (4,), "x")
        w, v = (pb.Variable(np.arange(8, dtype=np.float32), name=name) for name in "wv")
        m = pb.Variable(np.ones(8, np.bool_), name="m")
        y = pb.sum(x) * w + v * pb.cast(m, "f32")
    a = np.ones(4, np.float32)
    with standing_in() as core, graph.current():
        train = pb.compile([x], [w.assign_add(y)], "cuda")
        predict, on_host = pb.compile([x], y, "cuda"), pb.compile([x], y, "cpu")
        train(a)
        kinds(core)
        train(a)
        assert kinds(core) == ["h2d 16"]
        first = predict(a)
        assert kinds(core) == ["d2h 32", "h2d 16"]
        for variable in (w, w, v):
            variable.numpy()
        assert kinds(core) == ["d2h 32"]
        np.testing.assert_array_equal(on_host(a), first)
        predict(a)
        assert kinds(core) == ["d2h 32", "h2d 16"], "a step that only reads leaves the device's side current"
        pb.train.save_checkpoint(tmp_path / "v", [w, v])
        train(a)
        kinds(core)
        pb.train.restore_checkpoint(tmp_path / "v", [w, v])
        assert kinds(core) == []
        np.testing.assert_array_equal(predict(a), first)
        assert kinds(core) == ["d2h 32", "h2d 16", "h2d 32", "h2d 32"]
        train(a)
        expected = w.numpy()
        kinds(core)
        pb.compile([x], [w.assign_add(y)], "cpu")(a)
        train(a)
        assert kinds(core) == ["h2d 16", "h2d 32"]
        for copied in (copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
            np.testing.assert_array_equal(copied.variables["w"].numpy(), w.numpy())
        assert not np.array_equal(expected, w.numpy())


@pytest.mark.compiler
@settings(max_examples=6)
@given(
    st.lists(
        st.tuples(st.sampled_from("ABCD"), st.sampled_from(["cpu", "cuda", "numpy"])), min_size=3, max_size=8
    )
)
def test_steps_of_all_targets_share_variables(calls: list[tuple[str, str]]) -> None:
    """Programs of several steps, in any order and on any targets, leave what they leave on one target."""
    expected = contents_after([(name, "numpy") for name, _ in calls])
    with standing_in():
        found = contents_after(calls)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def contents_after(calls: list[tuple[str, str]]) -> list[np.ndarray]:
    """What steps leave in variables, and give; each call is a step and its target. D reads and changes on the host."""
    found: list[np.ndarray] = []
    with pb.Graph():
        x = pb.placeholder("f32", (3,), "x")
        v, w = pb.Variable([1.0, 2.0, 3.0], name="v"), pb.Variable([0.5, 0.25, 0.125], name="w")
        steps = {"A": [v.assign_add(x * w)], "B": [w * x - v], "C": [w.assign(v * 0.5), v.assign_sub(x)]}
        compiled: dict[tuple[str, str], pb.Step] = {}
        for at, (name, target) in enumerate(calls):
            if name == "D":
                found.append(v.numpy())
                w.array[1] += 1
                continue
            step = compiled.setdefault((name, target), pb.compile([x], steps[name], target))
            found += [r for r in step(np.full(3, at, np.float32)) if r is not None]
        return [*found, v.numpy(), w.numpy()]


@pytest.mark.compiler
def test_two_devices_share_a_variable() -> None:
    """It is copied, through the host, when another device than the last one takes it."""
    v = pb.Variable(np.zeros(4, np.float32), name="v")

    def adding_on(device: str) -> pb.Function:
        @pb.function(target="cuda")
        def add(x: pb.Tensor) -> pb.Variable:
            with pb.device(device):
                v.assign_add(x)
            return v

        return add

    with standing_in(devices=2) as core:
        first, second = adding_on("cuda:0"), adding_on("cuda:1")
        for add, copies in ((first, 2), (first, 1), (second, 2), (second, 1), (first, 2)):
            kinds(core)
            add(np.ones(4, np.float32))
            assert kinds(core).count("h2d 16") == copies
        np.testing.assert_array_equal(v.numpy(), np.full(4, 5))
