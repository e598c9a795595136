"""Another package that fails, or defines a name a second time, is told by name, and breaks nothing."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import pullback as pb
from pullback.extend import DuplicateError, Plugin, Unary, graph_op
from shrinkage.plugin import PLUGIN

SECOND = """
from pullback.extend import Plugin, Unary, graph_op

@graph_op
class SoftThreshold(Unary):
    name = "graph.soft_threshold"

PLUGIN = Plugin(name="zweite", operations=(SoftThreshold,))
"""


def package(folder: Path, name: str, source: str) -> Path:
    """An installed distribution of one module, with an entry point."""
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[pullback.plugins]\n{name} = {name}:PLUGIN\n")
    return folder


def test_a_package_that_fails_to_import(tools, tmp_path):
    path = package(tmp_path, "broken", "import no_such_module\n")
    done = tools.run(
        "pullback-run", "p.mlir", "-p", "sparse", "--input", "x=[1, -2, 3, 0.1]", "--values", path=path
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "z = [0.0, -1.25, 2.25, 0.0]")
    (warning,) = done.stderr.splitlines()
    assert "warning: plug-in 'broken' of broken 0.1 is not loaded: ModuleNotFoundError" in warning
    listed = tools.run("pullback-opt", "--list-plugins", path=path).stdout.splitlines()
    assert [line.partition(":")[0] for line in listed] == ["broken (broken 0.1)", "shrinkage (shrinkage 1.0)"]


def test_a_second_definition_of_another_package(tools, tmp_path):
    done = tools.run("pullback-opt", "p.mlir", path=package(tmp_path, "zweite", SECOND))
    assert (done.returncode, done.stdout.count("graph.soft_threshold")) == (0, 2)
    (warning,) = done.stderr.splitlines()
    assert re.search(r"'graph.soft_threshold' .* in shrinkage.operations:\d+ .* in zweite:\d+", warning)


def test_a_second_definition_of_the_program():
    with pb.Graph():  # the installed plug-ins are loaded when a name is asked for
        pb.register(PLUGIN)
    both = (
        r"'graph.soft_threshold' .* in shrinkage.operations:\d+ by plug-in 'shrinkage', .* in test_faults:\d+"
    )
    with pytest.raises(DuplicateError, match=both):

        @graph_op
        class Again(Unary):
            name = "graph.soft_threshold"

    checked = replace(PLUGIN.targets[0], meaning="another one")
    with pytest.raises(DuplicateError, match="target 'checked'"):
        pb.register(Plugin("again", targets=(checked,)))


def test_it_is_taken_back():
    pb.register(PLUGIN)
    pb.unregister("shrinkage")
    with pb.Graph():
        x = pb.placeholder("f32", (4,))
        with pytest.raises(ValueError, match="target 'checked' is not known"):
            pb.compile([x], [x], target="checked")
    pb.register(PLUGIN)
