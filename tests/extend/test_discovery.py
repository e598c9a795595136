"""Plug-ins are found when they are needed, all or nothing; one that fails is named, and nothing else breaks."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import warnings
from pathlib import Path

import pytest
from xdsl.utils.exceptions import ParseError

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.ir.source import parse
from pullback.driver.plugins import discovery
from pullback.driver.plugins.discovery import PluginWarning, discover
from pullback.driver.plugins.registration import plugins
from pullback.passes.pipeline.catalog import PASSES
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.process.registries import REGISTRIES
from pullback.tests.extend.distributions import Install, Processes, distribution
from pullback.tools import opt

PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from xdsl.passes import ModulePass
from pullback.extend import *

@graph_op
class Op(Unary):
    name = "{name}.op"
    NUMPY: ClassVar = staticmethod(lambda x: x)
    SCALAR: ClassVar = staticmethod(lambda x: x)

@dataclass(frozen=True)
class Pass(ModulePass):
    name = "{name}-pass"

@gradient_of("{name} rule")
def rule(op, dy):
    return dy

{more}
PLUGIN = Plugin("{name}", operations=(Op,), passes=(Pass,){parts})
"""


def written(folder: Path, name: str, more: str = "", parts: str = "") -> Path:
    points = f"[pullback.plugins]\n{name} = {name}_module:PLUGIN\n"
    return distribution(
        folder, name, points, **{f"{name}_module": PLUGIN.format(name=name, more=more, parts=parts)}
    )


def added() -> dict[str, list[str]]:
    return {r.plural: [*r.added] for r in REGISTRIES if r.added}


# ---- when -------------------------------------------------------------------------------------------------------


def test_entry_points_are_read_at_the_first_unknown_name(cubes: None) -> None:
    assert parse_passes("finish")
    assert "graph.tanh" in OPS
    with pb.Graph():
        x = pb.placeholder("f32", (3,))
        step = pb.compile([x], [pb.tanh(x)], target="cpu")
    assert step([0, 0, 0])[0].sum() == 0
    parse(context(), "func.func @f(%x: i32) -> i32 {\n func.return %x : i32\n}")
    assert discovery._found is None
    assert "cubes" not in sys.modules
    assert parse_passes("no-cubes")
    assert [plugin.name for plugin in plugins()] == ["cubes"]


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: r.plural)
def test_lists_are_of_all(cubes: None, registry: object) -> None:
    assert isinstance(registry, type(OPS))
    assert set(registry) > set(registry.ours) or registry.what == "gradient rule"
    assert len(registry) == len(registry.registered)


def test_nothing_is_read_by_import(process: Processes) -> None:
    said = process("-c", "import pullback, pullback.extend, sys; print('cubes' in sys.modules)")
    assert (said.stdout, said.stderr) == ("False\n", "")


def test_tools_load_plugins_in_processes_of_their_own(process: Processes) -> None:
    said = process("-m", "pullback.tools.opt", "--list-plugins", "--json")
    (row,) = json.loads(said.stdout)
    assert said.stderr == ""
    assert (row["name"], row["distribution"], row["version"]) == ("cubes", "cubes", "1.0")
    assert row["brings"]["operations"] == ["my.cube", "graph.cube", "my.backwards"]
    assert row["brings"]["folds"] == ["backwards_twice"]
    assert (row["summary"], row["error"]) == ("One of everything.", None)


def test_threads_discover_at_once(cubes: None) -> None:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append("no-cubes" in PASSES)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [True] * 8
    assert [plugin.name for plugin in plugins()] == ["cubes"]
    assert plugins()[0].error is None


def test_a_module_that_asks_while_it_is_imported_is_registered_later(
    install: Install, tmp_path: Path
) -> None:
    install(written(tmp_path, "asks", more="assert 'no such op' not in OPS"))
    __import__("asks_module")  # by the program, so that discovery finds it half imported
    assert "asks-pass" in PASSES
    assert [(plugin.name, plugin.error) for plugin in plugins()] == [("asks", None)]


def test_a_function_may_give_the_plugin(install: Install, tmp_path: Path) -> None:
    text = "from pullback.extend import Plugin\ndef plugin():\n    return Plugin('given')\n"
    install(
        distribution(
            tmp_path, "given", "[pullback.plugins]\ngiven = given_module:plugin\n", given_module=text
        )
    )
    discover()
    assert [plugin.name for plugin in plugins()] == ["given"]


# ---- what fails -------------------------------------------------------------------------------------------------

FAULTS = {
    "import nothing_of_this_name": "ModuleNotFoundError: No module named 'nothing_of_this_name'",
    "raise ValueError('x')": "ValueError: x",
    "raise SystemExit(3)": "SystemExit: 3",
    "PLUGIN = 3; raise KeyError": "KeyError",
}
PARTS = {
    ", pipelines={'p': Pipeline('', 'nosuch')}": "unknown pass or pipeline 'nosuch'",
    ", pipelines={'cse': Pipeline('', 'dce')}": "pipeline 'cse' has the name of a pass or pipeline",
    ", kinds=(3,)": "Plugin 'parts2': kinds[0]: expected one of kinds of kernels, got 3",
    ", targets=(target_named('cpu').__class__(name='cpu', meaning='', passes='', executor=print),)": "target 'cpu' is",
}


def failing(folder: Path) -> dict[str, str]:
    """Writes plug-ins that fail, each in its way; what is said of each."""
    said: dict[str, str] = {}
    for number, (more, message) in enumerate(FAULTS.items()):
        written(folder, f"fails{number}", more=more)
        said[f"fails{number}"] = message
    for number, (parts, message) in enumerate(PARTS.items()):
        written(folder, f"parts{number}", parts=parts)
        said[f"parts{number}"] = message
    distribution(folder, "gone", "[pullback.plugins]\ngone = gone_module:PLUGIN\n")
    text = "from pullback.extend import Plugin\nPLUGIN = Plugin('another')\n"
    distribution(
        folder, "misnamed", "[pullback.plugins]\nmisnamed = misnamed_module:PLUGIN\n", misnamed_module=text
    )
    distribution(folder, "number", "[pullback.plugins]\nnumber = sys:maxsize\n")
    distribution(folder, "plain", "[xdsl.universe]\nplain = sys:maxsize\n")
    return said | {
        "gone": "ModuleNotFoundError: No module named 'gone_module' (pullback.plugins: gone = gone_module:PLUGIN)",
        "number": "expected a Plugin or a function that returns one",
        "plain": "expected a Universe",
        "misnamed": "the Plugin is called 'another': its entry point must have that name",
    }


def test_what_fails_is_a_warning_and_nothing_else_breaks(install: Install, tmp_path: Path) -> None:
    said = failing(tmp_path)
    install(written(tmp_path, "good"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert "good-pass" in PASSES
    messages = {str(w.message).split("'")[1]: str(w.message) for w in caught if w.category is PluginWarning}
    assert set(messages) == set(said)
    assert [name for name, message in said.items() if message not in messages[name]] == []
    assert messages["gone"].startswith("plug-in 'gone' of gone 2.0 is not loaded: ")
    # All or nothing: what they had registered before they failed is taken back.
    assert added() == {"operations": ["good.op"], "gradient rules": ["good rule"], "passes": ["good-pass"]}
    assert {plugin.name: plugin.error is None for plugin in plugins()} == {
        **dict.fromkeys(said, False),
        "good": True,
    }
    with warnings.catch_warnings(record=True) as again:
        assert "no such pass" not in PASSES
    assert again == []


def test_tools_say_what_fails(install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(written(tmp_path, "good"))
    written(tmp_path, "bad", more="raise ValueError('not\\ntoday')")
    assert opt.main(["--list-plugins"]) == 0
    printed = capsys.readouterr()
    assert printed.err == (
        "pullback-opt: warning: plug-in 'bad' of bad 2.0 is not loaded: ValueError: not today "
        "(pullback.plugins: bad = bad_module:PLUGIN)\n"
    )
    assert printed.out == (
        "bad (bad 2.0): failed: ValueError: not today (pullback.plugins: bad = bad_module:PLUGIN)\n"
        "good (good 2.0): operations good.op; gradient rules good rule; passes good-pass\n"
    )


def test_two_distributions_of_one_plugin(install: Install, tmp_path: Path) -> None:
    """The second definition of a name is an error that names both, and the first one stays."""
    written(tmp_path, "first")
    text = PLUGIN.format(name="second", more="", parts="").replace("second.op", "first.op")
    install(
        distribution(
            tmp_path, "second", "[pullback.plugins]\nsecond = second_module:PLUGIN\n", second_module=text
        )
    )
    with pytest.warns(
        PluginWarning,
        match="operation 'first.op' is registered already, in first_module:7 by plug-in "
        "'first', and now again, in second_module:7 by plug-in 'second'",
    ):
        discover()
    assert OPS["first.op"].__module__ == "first_module"
    assert "second-pass" not in PASSES


def test_two_plugins_of_one_name(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, "first")
    text = "from pullback.extend import Plugin\nPLUGIN = Plugin('first')\n"
    install(
        distribution(
            tmp_path, "second", "[pullback.plugins]\nfirst = second_module:PLUGIN\n", second_module=text
        )
    )
    assert opt.main(["--list-plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("first (first 2.0): operations first.op; ")
    assert lines[1].startswith(
        "first (second 2.0): failed: DuplicateError: plug-in 'first' is registered already, by the "
    )


def test_a_program_registers_what_is_installed(install: Install, tmp_path: Path) -> None:
    install(written(tmp_path, "early"))
    plugin = pb.register(importlib.import_module("early_module").PLUGIN)
    assert "early-pass" in pb.list_passes()
    ((found,),) = [plugins()]
    assert (found.value is plugin, found.distribution, found.error) == (True, "early", None)
    pb.unregister("early")
    assert added() == {"gradient rules": ["early rule"]}  # its decorator registered it, for the program


FORKED = """
import os, sys
import pullback as pb
from pullback.dialects.graph.op.graph_op import OPS
from pullback.passes.pipeline.catalog import PASSES
pb.register(type("Early", (PASSES["cse"](),), {"name": "early"}))
if os.fork() == 0:
    os._exit(0 if "early" in PASSES and "no-cubes" in PASSES and "my.cube" in OPS else 1)
print(os.wait()[1], "cubes" in sys.modules)
"""


def test_a_fork_has_what_is_registered_and_discovers_the_rest(process: Processes) -> None:
    said = process("-c", FORKED)
    assert (said.stdout, said.stderr) == ("0 False\n", "")


def test_a_universe_that_fails_when_a_pass_is_imported(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "from xdsl.universe import Universe\ndef broken():\n    import nosuch_module\n"
    text += "U = Universe(all_passes={'broken-pass': broken})\n"
    install(distribution(tmp_path, "late", "[xdsl.universe]\nlate = late_module:U\n", late_module=text))
    program = tmp_path / "p.mlir"
    program.write_text("builtin.module {\n}\n")
    assert opt.main([str(program), "-p", "broken-pass"]) == 1
    assert (
        "pass 'broken-pass': plug-in 'late' cannot import it: ModuleNotFoundError: No module named 'nosuch_module'"
        in capsys.readouterr().err
    )
    assert opt.main(["--list-passes"]) == 0
    printed = capsys.readouterr()
    assert "broken-pass: Cannot be imported: ModuleNotFoundError" in printed.out
    assert "verify-level" in printed.out


def test_a_universe_and_a_plugin_have_one_class_of_a_pass(install: Install, tmp_path: Path) -> None:
    more = """
from xdsl.universe import Universe

@dataclass(frozen=True)
class Late(Pass):
    name = "late-pass"

    def apply(self, ctx, op):
        pass

UNIVERSE = Universe(all_passes={"both-pass": lambda: Pass, "late-pass": lambda: Late})
"""
    pipeline = ', pipelines={"late": Pipeline("a pass of the universe", "late-pass")}'
    points = "[pullback.plugins]\nboth = both_module:PLUGIN\n[xdsl.universe]\nboth = both_module:UNIVERSE\n"
    text = PLUGIN.format(name="both", more=more, parts=pipeline)
    install(distribution(tmp_path, "both", points, both_module=text))
    assert [pass_.name for pass_ in parse_passes("late")] == ["late-pass"]
    assert PASSES["both-pass"]().name == "both-pass"
    assert [plugin.error for plugin in plugins()] == [None]
    pb.unregister("both")
    assert added() == {}


def test_what_is_taken_back_first_is_not_found_later(cubes: None) -> None:
    pb.unregister("cubes")
    assert "my.cube" not in OPS
    assert "cubes" not in pb.list_passes()


def test_an_unknown_operation_is_still_an_error(cubes: None) -> None:
    with pytest.raises(ParseError, match=r"unknown operation 'my\.cub'; did you mean 'my\.cube'"):
        parse(context(), "%x = my.cub")
