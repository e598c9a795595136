"""Native programs are found again: nothing is lowered then, and what they compute is the same to the bit."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes import sorting
from pullback.dialects.graph.tensor.types import GraphError
from pullback.driver import program
from pullback.driver.targets import kept_function, native_key
from pullback.tests.driver.kept_programs import KeptPrograms
from pullback.tests.driver.kept_programs import kept as kept
from pullback.tools.run import main as run

NEW = {"it is new": 1}
Built = tuple[Any, list[Any], list[pb.Variable]]


def arithmetic(name: str = "x", passes: str = "") -> Built:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 5), name=name)
        y = pb.tanh(x) * 2
        step = pb.compile([x], [pb.sum(y), y, y], pipeline=passes)
    return step, [np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)], []


def training() -> Built:
    """Variables, an optimizer with a state, a scatter, a constant, integers and truth values."""
    table = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)
    with pb.Graph():
        rows = pb.placeholder("i32", (3,), name="rows")
        w, b = pb.Variable(table, name="w"), pb.Variable(np.ones(4), name="b")
        x = pb.gather(w, rows) * table[:3]
        loss = pb.sum(pb.square(pb.cast(x, "f64") + b))
        update = pb.train.AdamOptimizer(0.1).minimize(loss, var_list=[w, b])
        step = pb.compile([rows], [loss, rows + 1, rows > 1, update])
    return step, [np.array([1, 5, 1], np.int32)], [w, b]


def loop() -> Built:
    """A loop that asks for signals, and is compiled for any number of trips."""
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (8,), name="x")
        w = pb.Variable(np.zeros(8, np.float32), name="w")
        _, y = pb.while_loop(lambda i, a: i < n, lambda i, a: [i + 1, pb.tanh(a + x)], [pb.constant(0), x])
        step = pb.compile([n, x], [y, w.assign_add(y)])
    return step, [np.int32(5), np.linspace(0, 1, 8, dtype=np.float32)], [w]


def host_calls(name: str = "layer") -> Built:
    """Operations of the host before and after a change of a variable, and one that leaves no result."""
    with pb.Graph():
        x = pb.placeholder("f32", (3, 3), name="x")
        w = pb.Variable(np.zeros((3, 3), np.float32), name="w")
        with pb.name_scope(name):
            y = pb.cholesky(x)
        changed = w.assign_add(pb.sort(y))
        with pb.control_dependencies([changed]):
            z = pb.argsort(w.read())
        step = pb.compile([x], [y, z, changed])
    return step, [np.eye(3, dtype=np.float32) * 4 + 1], [w]


def nothing_much() -> Built:
    """No elements, an output that is an input, and one that is a constant."""
    with pb.Graph():
        x = pb.placeholder("f64", (0, 3), name="x")
        step = pb.compile([x], [x, pb.sum(x), pb.constant([1.0, -0.0, float("nan")]), x * 2])
    return step, [np.zeros((0, 3))], []


def bits(build: Callable[[], Built]) -> list[bytes]:
    """What two steps give, and leave in variables."""
    step, inputs, variables = build()
    results = [result for _ in range(2) for result in step(*inputs) if result is not None]
    return [
        np.asarray(r).tobytes() + str(r.dtype).encode() for r in (*results, *(v.numpy() for v in variables))
    ]


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is lowered from now on."""
    seen: list[object] = []
    lower = program.lowered_for

    def noted(*arguments: Any) -> Any:
        seen.append(arguments)
        return lower(*arguments)

    monkeypatch.setattr(program, "lowered_for", noted)
    return seen


@pytest.mark.parametrize("build", [arithmetic, training, loop, host_calls, nothing_much])
def test_what_is_found_gives_the_same(
    build: Callable[[], Built], kept: KeptPrograms, lowered: list[object]
) -> None:
    cold = bits(build)
    assert kept.found == (0, NEW) and len(lowered) == 1
    assert bits(build) == cold
    assert kept.found == (1, {}) and len(lowered) == 1
    assert len(kept.files) == 1
    assert kept.files[0].stat().st_mode & 0o077 == 0


def test_text_is_lowered_when_it_is_asked_for(kept: KeptPrograms, lowered: list[object]) -> None:
    bits(arithmetic)
    step, inputs, _ = arithmetic()
    step(*inputs)
    assert "define void @main" in step.ir("llvm") and len(lowered) == 2


def test_other_shapes_names_and_passes_are_other_programs(kept: KeptPrograms) -> None:
    step, *_ = arithmetic()
    for rows in (2, 3, 2):
        step(np.ones((rows, 5), np.float32))
    assert kept.found == (0, {"it is new": 2})
    for other in (arithmetic("z"), arithmetic(passes="cse,dce")):
        other[0](np.ones((2, 5), np.float32))
    assert kept.found == (0, {"it is new": 2})


def test_another_processor_or_compiler(kept: KeptPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    bits(arithmetic)
    machine = native_key.machine_key()
    for name, value in (
        ("machine_key", (*machine[:-2], "another", machine[-1])),
        ("own_digest", "edited"),
        ("_versions", ["another"]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(native_key, name, lambda value=value: value)
            step, inputs, _ = arithmetic()
            step(*inputs)
    assert kept.found == (0, {"it is new": 4})


def doubling() -> Built:
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        step = pb.compile([x], [x * 2])
    return step, [np.ones(2, np.float32)], []


def test_damaged_files_are_replaced(kept: KeptPrograms) -> None:
    cold, (path,) = bits(doubling), kept.files
    whole, other = path.read_bytes(), bits(arithmetic)
    (foreign,) = (p for p in kept.files if p != path)
    assert kept.found == (0, {"it is new": 2})
    places = {"magic": 0, "length": 20, "digest": 40, "JSON": 80, "object": len(whole) - 9}
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in places.values()]
    for damaged in (*flipped, b"", whole[: len(whole) // 2], foreign.read_bytes()):
        path.write_bytes(damaged)
        assert bits(doubling) == cold
        assert kept.found == (0, {"its file is damaged": 1})
    assert bits(doubling) == cold and bits(arithmetic) == other
    assert kept.found == (2, {})


def failing(name: str) -> str:
    """What a step says whose operation fails, with the line at which that was written."""
    step, inputs, _ = host_calls(name)
    with pytest.raises(GraphError) as caught:
        step(-inputs[0])
    return "\n".join([str(caught.value), *caught.value.__notes__])


def test_errors_name_the_operation_of_the_program_at_hand(kept: KeptPrograms) -> None:
    cold, again, other = failing("layer"), failing("layer"), failing("another")
    assert kept.found == (2, NEW)
    assert again == cold and "layer/cholesky" in cold and f"{Path(__file__).name}:" in cold
    assert other == cold.replace("layer/", "another/")


def interrupting() -> Built:
    """Ctrl-C comes while the host sorts, when one variable is changed."""
    with pb.Graph():
        x = pb.placeholder("f32", (8,), name="x")
        w, v = pb.Variable(np.zeros(8, np.float32), name="w"), pb.Variable(np.zeros(8, np.float32), name="v")
        with pb.control_dependencies([w.assign_add(x)]):
            step = pb.compile([x], [v.assign_add(pb.sort(x + w.read()))])
    return step, [np.ones(8, np.float32)], [w, v]


def test_ctrl_c_says_what_was_changed(kept: KeptPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    for _ in range(2):
        step, inputs, variables = interrupting()
        step(*inputs)
        with monkeypatch.context() as patch:
            patch.setattr(sorting, "stable_order", lambda *_, **__: 1 // 0)
            with pytest.raises(ZeroDivisionError) as caught:
                step(*inputs)
        said.append((getattr(caught.value, "__notes__", []), [v.numpy().tolist() for v in variables]))
    assert kept.found == (1, NEW)
    assert said[0] == said[1] and "had changed the variable 'w'" in str(said[0])


def test_where_nothing_can_be_kept(
    kept: KeptPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = bits(arithmetic)

    def full(path: Path, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        bits(loop)
    assert kept.found == (0, {"it is new": 2}) and len(kept.files) == 1
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("PULLBACK_CACHE", str(tmp_path / "file" / "folder"))
        with pytest.warns(
            RuntimeWarning, match="cannot be kept in .*; programs are compiled anew in each process"
        ):
            assert bits(arithmetic) == expected
        assert bits(arithmetic) == expected  # one warning is enough
    kept.folder.chmod(0o755)
    with pytest.warns(RuntimeWarning, match="others have rights to it"):
        assert bits(arithmetic) == expected
    assert kept.found == (0, {"the folder is not private": 3})
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    assert bits(arithmetic) == expected
    assert kept.found == (0, {"nothing is kept": 1})


def test_what_is_large_is_not_kept(kept: KeptPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_function, "LARGEST", 1000)
    bits(doubling)
    assert kept.found == (0, {"it is too large to be kept": 1}) and kept.files == []


def test_the_tools_report(kept: KeptPrograms, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.mlir").write_text(
        "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
        "  %y = graph.tanh %x : tensor<2xf32>\n  func.return %y : tensor<2xf32>\n}\n"
    )
    told: list[str] = []
    for watching in ([], [], ["--timing"]):
        arguments = ["--input", "x=[1,2]", "--target", "cpu", "--values", "--report=cache", *watching]
        assert run([str(tmp_path / "f.mlir"), *arguments]) == 0
        told.append(capsys.readouterr().err)
    assert "programs: 0 found, 1 compiled\n  1 since it is new\n" in told[0]
    assert (
        "programs: 1 found, 1 compiled\n" in told[1]
        and f"folder: {kept.folder}: 1 programs of 0.0 MiB" in told[1]
    )
    assert "1 since the passes are watched" in told[2]
    report = pb.cache_report()
    assert (report.hits, report.files, report.folder) == (1, 1, kept.folder)
    assert report.bytes_read == report.bytes_written > 0 and report.seconds_saved > 0


def test_processes_that_compile_one_program_at_once(kept: KeptPrograms) -> None:
    expected, path = bits(arithmetic), kept.files[0]
    path.unlink()
    ready, go = os.pipe(), os.pipe()
    children: list[int] = []
    for _ in range(2):
        child = os.fork()
        if not child:
            status = 1
            try:
                os.write(ready[1], b".")
                os.read(go[0], 1)
                status = 0 if bits(arithmetic) == expected else 2
            finally:
                os._exit(status)
        children.append(child)
    waiting = 0
    while waiting < len(children):
        waiting += len(os.read(ready[0], 2))
    os.write(go[1], b"..")
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert kept.files == [path] and bits(arithmetic) == expected
    assert kept.found == (1, NEW)
