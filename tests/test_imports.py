"""No module imports itself around a circle, imports inside functions included; and what `import pullback` loads.

Import-linter holds the folders.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("backends", "dialects", "driver", "extend", "frontend", "passes", "process", "tools")


def modules(root: Path) -> dict[str, Path]:
    """Every module of the packages, by its name."""
    paths = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    return {".".join(["pullback", *path.relative_to(root).with_suffix("").parts]): path for path in paths}


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules that a module names in its imports; a package means its `__init__`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name if name in known else f"{name}.__init__" for name in found} & known.keys()


def test_modules_import_one_way() -> None:
    known = modules(ROOT)
    assert len(known) > 400
    # A failure lists the modules of a circle.
    TopologicalSorter({name: imports(path, known) for name, path in known.items()}).prepare()


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "one.py").write_text("from pullback.tools import two\n")
    (tmp_path / "tools" / "two.py").write_text("def late():\n    from pullback.tools.one import name\n")
    known = modules(tmp_path)
    with pytest.raises(CycleError):
        TopologicalSorter({name: imports(path, known) for name, path in known.items()}).prepare()


NOT_AT_ONCE = (
    "pullback.backends.cpu",
    "pullback.backends.evaluator",
    "pullback.backends.interpreter.interpreter",
    "pullback.driver.checking.compared_programs",
    "pullback.driver.program",
    "pullback.driver.targets",
    "pullback.dialects.upstream.arith",
    "pullback.dialects.upstream.gpu",
    "pullback.dialects.upstream.math",
    "pullback.dialects.upstream.vector",
    "pullback.dialects.verification",
    "pullback.driver.checking.report",
    "pullback.driver.plugins",
    "pullback.frontend.module",
    "pullback.passes.explain",
    "pullback.passes.gpu",
    "pullback.passes.kernels",
    "pullback.passes.loops",
    "pullback.passes.lowering",
    "pullback.passes.pipeline.run_passes",
    "pullback.passes.simplify.folds",
    "xdsl.dialects.arith",
    "xdsl.dialects.gpu",
    "xdsl.dialects.math",
    "xdsl.dialects.memref",
    "xdsl.dialects.scf",
    "xdsl.passes",
    "xdsl.transforms",
    "hashlib",
    "importlib.metadata",
    "llvmlite",
    "json",
    "numpy.random",
    "optree",
    "safetensors",
)
"""What a program needs that compiles, checks, restores or explains, and not one that builds a graph."""


def loaded(program: str) -> set[str]:
    """The modules that are there after a program, in a process of its own."""
    command = [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_building_a_graph_loads_what_it_needs() -> None:
    there = loaded(
        "import pullback as pb\n"
        "with pb.Graph():\n"
        "    x = pb.placeholder('f32', (3,))\n"
        "    pb.gradients(pb.sum(pb.tanh(x) * x), x)\n"
    )
    assert "pullback.passes.gradients.engine" in there
    assert [name for name in NOT_AT_ONCE if name in there] == []


@pytest.mark.parametrize(
    "asks",
    [
        "pb.Module",
        "dir(pb)[dir(pb).index('Module')]",
        "from pullback import *\nModule",
        "pb.__all__.index('Module')",
    ],
)
def test_names_on_demand_are_there_for_who_asks(asks: str) -> None:
    assert "pullback.frontend.module.module" in loaded(f"import pullback as pb\n{asks}")


def test_a_private_name_that_is_not_there_loads_nothing() -> None:
    assert "pullback.frontend.module.module" not in loaded(
        "import pullback as pb\nassert not hasattr(pb, '_ipython_display_')"
    )


def test_compiling_for_a_target_loads_no_other() -> None:
    there = loaded(
        "import numpy as np\n"
        "import pullback as pb\n"
        "with pb.Graph():\n"
        "    x = pb.placeholder('f32', (3,))\n"
        "    pb.compile([x], [pb.tanh(x)])(np.ones(3, np.float32))\n"
    )
    assert "pullback.passes.loops.lower_to_loops" in there
    others = ("pullback.passes.gpu.gpu_kernels", "pullback.backends.simt", "pullback.backends.cuda")
    assert [name for name in others if name in there] == []


def test_what_is_found_among_kept_code_loads_no_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "kept"))
    program = (
        "import numpy as np\n"
        "import pullback as pb\n"
        "assert pb.function(lambda x: x + 1)(np.ones(1, np.float32)) == 2\n"
    )
    passes = ("simplify.canonicalize", "kernels.form.form_kernels", "loops.lower_to_loops")
    for is_kept in (False, True):
        there = loaded(program)
        assert [f"pullback.passes.{name}" in there for name in passes] == [not is_kept] * 3


def test_the_garbage_collector_runs_after_the_import_as_before() -> None:
    command = "import gc\nimport pullback\nassert gc.isenabled()\n"
    assert "pullback" in loaded(command)
    assert "pullback" in loaded(f"import gc\ngc.disable()\n{command.replace('assert gc', 'assert not gc')}")
