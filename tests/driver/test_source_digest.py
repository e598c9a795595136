"""Whose code makes native code is part of its key: ours, and that of plug-ins. What no file tells of is not kept."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import pullback as pb
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.op.graph_op import OPS
from pullback.extend import Unary, folds, graph_op
from pullback.passes.simplify import matching
from pullback.process import source_digest
from pullback.process.source_digest import UnknownSourceError, digest_of_definitions, own_digest
from pullback.tests.driver.kept_programs import KeptPrograms
from pullback.tests.driver.kept_programs import kept as kept

OP = """\
from typing import ClassVar
from pullback.extend import Unary, graph_op
from {package}.helpers import FACTOR

@graph_op
class Scaled(Unary):
    "FACTOR * x."
    name = "{package}.scaled"
    NUMPY: ClassVar = staticmethod(lambda x: FACTOR * x)
    SCALAR: ClassVar = staticmethod(lambda x: FACTOR * x)
    def gradient(self, dy):
        return (FACTOR * dy,)

def factory():
    class Inner: ...
    return Inner
"""
PACKAGE = "scaled_by_a_plugin"


def source(folder: Path, name: str) -> Path:
    return folder / f"{name}.py"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of a plug-in, which was there before this process began."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    source(folder, "__init__").touch()
    source(folder, "helpers").write_text("FACTOR = 3\n")
    source(folder, "ops").write_text(OP.format(package=PACKAGE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source_digest, "_BEGUN", time.time_ns() + 10**12)
    invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    for name in OPS.added:
        OPS.remove(name)


def test_an_edit_of_a_plugin(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = import_module(f"{PACKAGE}.ops").Scaled
    seen = {digest_of_definitions([cls])}
    assert {digest_of_definitions([cls, cls.of, Unary])} == seen
    for change in (
        lambda: source(package, "helpers").write_text("FACTOR = 44\n"),
        lambda: os.utime(source(package, "helpers"), (1, 1)),
        lambda: source(package, "more").touch(),
        lambda: source(package, "more").rename(source(package, "renamed")),
    ):
        change()
        before = len(seen)
        seen.add(digest_of_definitions([cls]))
        assert len(seen) == before + 1
    monkeypatch.setattr(source_digest, "_BEGUN", time.time_ns() - 10**12)
    with pytest.raises(UnknownSourceError, match="was edited after this process began"):
        digest_of_definitions([cls])


def test_an_edit_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in source_digest.COMPILER:
        (tmp_path / folder / "inner" / "__pycache__").mkdir(parents=True)
        source(tmp_path / folder / "inner", "a").write_text("A = 1\n")
    monkeypatch.setattr(source_digest, "_PACKAGE", tmp_path)
    monkeypatch.setattr(source_digest, "_BEGUN", time.time_ns() + 10**12)
    seen = {own_digest.__wrapped__()}
    (tmp_path / "passes" / "inner" / "__pycache__" / "a.pyc").touch()
    assert {own_digest.__wrapped__()} == seen
    source(tmp_path / "passes" / "inner", "a").write_text("A = 22\n")
    assert own_digest.__wrapped__() not in seen
    monkeypatch.setattr(source_digest, "_PACKAGE", tmp_path / "archive.zip")
    with pytest.raises(UnknownSourceError, match="are in no folder"):
        own_digest.__wrapped__()


def test_what_no_file_tells_of(package: Path) -> None:
    module = import_module(f"{PACKAGE}.ops")
    for wrong in (module.factory(), lambda x: x):
        with pytest.raises(UnknownSourceError, match="is defined while the program runs"):
            digest_of_definitions([wrong])
    module.Scaled.__module__ = "__main__"
    with pytest.raises(UnknownSourceError):
        digest_of_definitions([module.Scaled])
    assert digest_of_definitions([]) == digest_of_definitions([dict, ModulePass])


def step_with(cls: Any, passes: Any = ()) -> Callable[[], list[Any]]:
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        step = pb.compile([x], [cls.of(x)], pipeline=passes)
    return lambda: step(np.ones(2, np.float32))


def test_a_plugin_is_kept_and_a_closure_is_not(package: Path, kept: KeptPrograms) -> None:
    cls = import_module(f"{PACKAGE}.ops").Scaled
    for _ in range(2):
        pb.register(cls)
        assert step_with(cls)()[0].tolist() == [3, 3]
    assert kept.found == (1, {"it is new": 1})
    source(package, "helpers").write_text("FACTOR = 3  # as it was\n")
    assert step_with(cls)()[0].tolist() == [3, 3]
    assert kept.found == (0, {"it is new": 1})

    @graph_op
    class Doubled(Unary):
        """2 * x."""

        name = "my.doubled"
        NUMPY = staticmethod(lambda x: 2 * x)
        SCALAR = staticmethod(lambda x: 2 * x)

    pb.register(Doubled)
    assert step_with(Doubled)()[0].tolist() == [2, 2]
    hits, misses = kept.found
    assert hits == 0 and [*misses] == [f"{__name__}.{Doubled.__qualname__} is defined while the program runs"]
    assert len(kept.files) == 2


FOLD = """
from pullback.extend import folds
from pullback.dialects.graph.elementwise.trigonometric import Tanh

@folds(Tanh)
def untouched(op):
    return None
"""


def test_a_fold_of_a_plugin_is_part_of_the_key(
    package: Path, kept: KeptPrograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is of the program before it is folded."""
    monkeypatch.setattr(matching, "_REGISTERED", [*matching._REGISTERED])
    monkeypatch.setattr(matching, "FOLDS", {})
    step_with(Tanh)()
    source(package, "rules").write_text(FOLD)
    import_module(f"{PACKAGE}.rules")
    for _ in range(2):
        step_with(Tanh)()
    assert kept.found == (1, {"it is new": 2})
    source(package, "rules").write_text(FOLD + "# edited\n")
    step_with(Tanh)()
    assert kept.found == (0, {"it is new": 1})

    @folds(Tanh)
    def of_a_function(op: Tanh) -> None:
        return None

    step_with(Tanh)()
    assert "of_a_function is defined while the program runs" in str(kept.found[1])


class Silent(ModulePass):
    """A pass that does nothing that we could know of."""

    name = "silent"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pass


def test_passes_that_may_do_more(
    kept: KeptPrograms, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(passes: Any) -> None:
        with pb.Graph():
            x = pb.placeholder("f32", (2,), name="x")
            step = pb.compile([x], [x + 1], pipeline=passes)
        step(np.ones(2, np.float32))

    for _ in range(2):
        run([Silent()])
        run("form-kernels,plan-memory{report=memory}")
        assert "arena" in capsys.readouterr().err
    assert kept.found == (
        0,
        {
            "the pass 'silent' may do more than to rewrite the program": 2,
            "the pass 'plan-memory' may do more than to rewrite the program": 2,
        },
    )
    run("form-kernels,plan-memory")
    run("form-kernels,plan-memory")
    assert kept.found == (1, {"it is new": 1})
