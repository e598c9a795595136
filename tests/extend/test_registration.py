"""Registration is for the process: one definition of a name, all or nothing, and what exists keeps its meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import ParseError

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.plugins.registration import plugins
from pullback.driver.program import compile_function
from pullback.extend import (
    DiagnosticError,
    DuplicateError,
    Kind,
    Lowering,
    NotYet,
    Order,
    Pipeline,
    Plugin,
    Target,
    Unary,
    at_its_index,
    graph_op,
    register_target,
    target_named,
)
from pullback.passes.gradients.rule_registry import gradient_of
from pullback.passes.lowering.kinds import add_kind
from pullback.passes.pipeline.pipelines import PIPELINES
from pullback.process.registries import REGISTRIES, Registry
from pullback.tests.extend.distributions import Install


@pytest.fixture(autouse=True)
def clean(install: Install) -> Iterator[None]:
    """Nothing is installed, and what the test registers goes with it."""
    yield
    for registry in REGISTRIES:
        for name in registry.added:
            registry.remove(name)


def scaled(by: int, name: str = "my.scaled", in_kernels: bool = True) -> type[GraphOp]:
    """A class of an operation, not registered."""
    meaning = staticmethod(lambda x: by * x)
    fields: dict[str, Any] = {"name": name, "NUMPY": meaning, "SCALAR": meaning, "__doc__": "by * x."}
    if not in_kernels:
        fields["SCALAR"] = None
    fields["__annotations__"] = dict.fromkeys(("NUMPY", "SCALAR"), ClassVar)
    fields["gradient"] = lambda self, dy: (by * dy,)
    fields["__module__"] = __name__
    return type("Scaled", (Unary,), fields)


def apply(op: type[GraphOp], target: str = "cpu") -> Any:
    """A step that applies an operation."""
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        return pb.compile([x], [op.of(x)], target=target)


def module_of(name: str) -> str:
    return f"func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {{\n  %y = {name} %x : tensor<2xf32>\n" \
           "  func.return %y : tensor<2xf32>\n}\n"  # fmt: skip


ONES = np.ones(2, np.float32)


@dataclass(frozen=True)
class Nothing(ModulePass):
    """Changes nothing."""

    name = "my-nothing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pass


@dataclass(frozen=True)
class NothingElse(Nothing):
    """Changes nothing, too."""


KIND = Kind(
    "my_kind",
    Order.PARALLEL_FIRST,
    at_its_index,
    {"cpu": Lowering("pullback.passes.loops.pointwise:lower_pointwise"), "gpu": NotYet("no time")},
    meaning="as pointwise",
)


def targets(meaning: str) -> Target:
    return replace(target_named("numpy"), name="mine", meaning=meaning)


# ---- two definitions --------------------------------------------------------------------------------------------

TWICE: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "operations": (lambda: graph_op(scaled(2)), lambda: graph_op(scaled(3))),
    "dialects": (lambda: pb.register(Dialect("my", [], [])), lambda: pb.register(Dialect("my", [], []))),
    "passes": (lambda: pb.register(Nothing), lambda: pb.register(NothingElse)),
    "pipelines": (
        lambda: PIPELINES.add("mine", Pipeline("", "cse")),
        lambda: PIPELINES.add("mine", Pipeline("", "dce")),
    ),
    "kinds": (lambda: pb.register(KIND), lambda: pb.register(replace(KIND, in_place=lambda *_: False))),
    "targets": (lambda: register_target(targets("a")), lambda: register_target(targets("b"))),
    "gradient rules": (
        lambda: gradient_of("Mine")(lambda op, dy: dy),
        lambda: gradient_of("Mine")(lambda op, dy: -dy),
    ),
    "forms of output": (
        lambda: pb.register(Plugin("a", formats={"mine": lambda: None})),  # pyright: ignore[reportArgumentType]
        lambda: pb.register(Plugin("b", formats={"mine": lambda: 3})),  # pyright: ignore[reportArgumentType]
    ),
}


def test_each_registry_is_tried() -> None:
    assert set(TWICE) == {registry.plural for registry in REGISTRIES}


@pytest.mark.parametrize("registry", TWICE)
def test_a_second_definition_is_an_error_that_names_both(registry: str) -> None:
    first, second = TWICE[registry]
    first()
    with pytest.raises((DuplicateError, KeyError)) as caught:
        second()
    said = str(caught.value)
    here = re.escape(__name__)
    assert re.search(rf"is registered already, in {here}\S*.*, and now again, in {here}\S*", said), said
    assert "pb.unregister(" in said
    assert "replace=True" in said


@pytest.mark.parametrize("registry", TWICE)
def test_taken_back_it_can_be_defined_anew(registry: str) -> None:
    first, second = TWICE[registry]
    first()
    name = next(name for r in REGISTRIES if r.plural == registry for name in r.added)
    pb.unregister(name)
    second()
    pb.unregister(name)
    with pytest.raises(ValueError, match="nothing is registered as"):
        pb.unregister(name)


def test_the_same_again_is_no_error() -> None:
    op = graph_op(scaled(2))
    plugin = Plugin("mine", operations=(op,), passes=(Nothing,), kinds=(KIND,), targets=(targets("a"),))
    for _ in range(2):
        assert pb.register(plugin) is plugin
        assert pb.register(op) is op
        pb.register(Nothing)
        pb.register(KIND)
        register_target(targets("a"))
    assert [p.name for p in plugins()] == ["mine"]


def test_two_plugins_of_one_name() -> None:
    pb.register(Plugin("mine"))
    pb.register(Plugin("mine"))  # as a cell of a notebook does that is run again
    here = r"in \S*test_registration:\d+"
    with pytest.raises(
        DuplicateError, match=f"plug-in 'mine' is registered already, {here}, and now again, {here}"
    ):
        pb.register(Plugin("mine", passes=(Nothing,)))
    assert "my-nothing" not in pb.list_passes()
    pb.register(Plugin("mine", passes=(Nothing,)), replace=True)
    assert "my-nothing" in pb.list_passes()


@pytest.mark.parametrize("replaced", ["graph.tanh", "canonicalize", "simplify", "cpu", "rows", "arith"])
def test_what_comes_with_pullback_stays(replaced: str) -> None:
    with pytest.raises(ValueError, match="comes with Pullback and stays"):
        pb.unregister(replaced)


def test_what_comes_with_pullback_does_not_give_way() -> None:
    with pytest.raises(
        DuplicateError, match=r"by Pullback, and now again.*it comes with Pullback: choose another name"
    ):
        graph_op(replace=True)(scaled(2, "graph.tanh"))
    with pytest.raises(DuplicateError, match="pass 'convert-scf-to-cf' has the name of xDSL's pass"):
        pb.register(type("ScfToCf", (Nothing,), {"name": "convert-scf-to-cf"}))
    with pytest.raises(DuplicateError, match="dialect 'graph' is registered already"):
        pb.register(Dialect("graph", [], []))
    with pytest.raises(ValueError, match="operation 'cube': expected a name after that of a dialect"):
        graph_op(scaled(2, "cube"))
    with pytest.raises(TypeError, match="expected a Plugin, an operation, a dialect, a pass"):
        pb.register(3)


# ---- all or nothing ---------------------------------------------------------------------------------------------


def test_a_plugin_is_registered_as_a_whole() -> None:
    listed = graph_op(scaled(2))
    before = {r.plural: dict(r.registered) for r in REGISTRIES}
    with pytest.raises(ValueError, match="unknown pass or pipeline 'nosuch'"):
        pb.register(
            Plugin(
                "mine",
                operations=(listed, graph_op(scaled(3, "my.other"))),
                passes=(Nothing,),
                kinds=(KIND,),
                rules={"Mine": lambda op, dy: dy},
                pipelines={"good": Pipeline("", "my-nothing"), "bad": Pipeline("", "nosuch")},
            )
        )
    after = {r.plural: dict(r.registered) for r in REGISTRIES}
    other = after["operations"].pop("my.other")
    assert isinstance(other, type)  # its own decorator registered it, before the plug-in
    assert after == before
    assert plugins() == []


def test_a_plugin_is_taken_back_as_a_whole() -> None:
    before = {r.plural: dict(r.registered) for r in REGISTRIES}
    op = graph_op(scaled(2))
    plugin = pb.register(Plugin("mine", operations=(op,), passes=(Nothing,), kinds=(KIND,)))
    pb.unregister("mine")
    assert {r.plural: dict(r.registered) for r in REGISTRIES} == before
    pb.register(plugin)  # all that it lists comes back
    assert "my.scaled" in OPS.registered
    pb.unregister(plugin)
    assert plugins() == []


# ---- what exists keeps its meaning ------------------------------------------------------------------------------


def test_programs_keep_the_class_that_they_were_parsed_with() -> None:
    first = graph_op(scaled(2))
    module = parse(context(), module_of("my.scaled")).module
    second = graph_op(replace=True)(scaled(3))
    assert OPS["my.scaled"] is second
    again = parse(context(), print_module(module)).module
    for text, expected in ((module, 2), (again, 3)):
        for target in ("numpy", "cpu", "simt"):
            (y,) = compile_function(text, target)([ONES], {})
            np.testing.assert_array_equal(y, expected * ONES)
    pb.unregister(second)
    assert first is not second
    np.testing.assert_array_equal(compile_function(module, "cpu")([ONES], {})[0], 2 * ONES)
    with pytest.raises(ParseError, match=r"unknown operation 'my\.scaled'"):
        parse(context(), module_of("my.scaled"))


def test_the_host_runs_the_class_that_was_lowered() -> None:
    def host(by: int) -> type[GraphOp]:
        made = scaled(by, "my.host")
        made.SCALAR = staticmethod(lambda x: x)  # pyright: ignore[reportAttributeAccessIssue]
        return made

    first = graph_op(host(2))
    ctx = context()
    text = module_of("my.host").replace("%x : tensor", "%x {host} : tensor")
    module = parse(ctx, text).module
    graph_op(replace=True)(host(3))
    program = compile_function(module, "cpu")
    np.testing.assert_array_equal(program([ONES], {})[0], 2 * ONES)
    assert 'graph.op = "my.host"' in program.ir("loops")
    pb.unregister("my.host")
    np.testing.assert_array_equal(program([ONES], {})[0], 2 * ONES)
    assert first.name == "my.host"


def test_a_context_knows_what_is_registered_later() -> None:
    ctx = context()
    with pytest.raises(ParseError, match="unknown operation"):
        parse(ctx, module_of("my.scaled"))
    graph_op(scaled(2))
    assert parse(ctx, module_of("my.scaled")).module
    assert ctx.clone().get_optional_op("my.scaled") is OPS["my.scaled"]
    pb.unregister("my.scaled")
    with pytest.raises(ParseError, match="unknown operation"):
        parse(ctx, module_of("my.scaled"))


def test_a_kernel_of_a_kind_that_is_gone() -> None:
    text = """
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.kernel %x schedule<kind = my_kind, parallel = [2]> : tensor<2xf32> {
  ^bb0(%a: tensor<2xf32>):
    %b = graph.negative %a : tensor<2xf32>
    graph.yield %b : tensor<2xf32>
  }
  func.return %y : tensor<2xf32>
}
"""
    add_kind(KIND)
    module = parse(context(), text).module
    program = compile_function(module, "cpu")
    np.testing.assert_array_equal(program([ONES], {})[0], -ONES)
    pb.unregister(KIND)
    np.testing.assert_array_equal(program([ONES], {})[0], -ONES)  # compiled before
    with pytest.raises(DiagnosticError, match="kind of kernel 'my_kind' is registered no more"):
        compile_function(module, "cpu")([ONES], {})
    with pytest.raises(ParseError, match="kind is my_kind; expected one of pointwise"):
        parse(context(), text)


def test_rules_are_looked_up_when_gradients_are_made() -> None:
    op = graph_op(scaled(2))
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        y = op.of(x)
        (dx,) = pb.gradients(y, [x])
        pb.register(Plugin("mine", rules={op: lambda op, dy: 7 * dy}))
        (seven,) = pb.gradients(y, [x])
        pb.unregister("mine")
        (again,) = pb.gradients(y, [x])
        np.testing.assert_array_equal(pb.run([dx, seven, again], {x: ONES}), [[2, 2], [7, 7], [2, 2]])


# ---- text -------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.sampled_from(["my.scaled", "graph.scaled", "graph.tanh"]), st.booleans()), max_size=6
    ),
    st.booleans(),
)
def test_foreign_operations_are_read_back(chosen: list[tuple[str, bool]], generic: bool) -> None:
    for name in ("my.scaled", "graph.scaled"):
        if name not in OPS.registered:
            graph_op(scaled(2, name))
    lines = ["func.func @main(%v0: tensor<2xf32>) -> tensor<2xf32> {"]
    for number, (name, marked) in enumerate(chosen):
        attributes = " {my.note = 3 : i32}" if marked else ""
        lines.append(f"  %v{number + 1} = {name} %v{number}{attributes} : tensor<2xf32>")
    lines.append(f"  func.return %v{len(chosen)} : tensor<2xf32>\n}}")
    module = parse(context(), "\n".join(lines)).module
    printed = print_module(module, generic=generic)
    again = parse(context(), printed).module
    assert print_module(again, generic=generic) == printed
    assert module.is_structurally_equivalent(again)


def test_a_registry_is_a_mapping_that_keeps_order() -> None:
    registry: Registry[int] = Registry("number")
    try:
        registry.add("b", 1)
        registry.add("a", 2)
        registry.seal(order=lambda number: -number)
        registry.add("c", 3)
        assert (list(registry), list(registry.ours), list(registry.added)) == (
            ["a", "b", "c"],
            ["a", "b"],
            ["c"],
        )
        assert (registry["c"], registry.get("d"), registry.get("d", 5), "d" in registry) == (
            3,
            None,
            5,
            False,
        )
        with pytest.raises(
            ValueError, match="number 'bb' is not known: expected one of a, b, c; did you mean 'b'"
        ):
            registry.named("bb")
        assert registry.definition("c").owner is None
    finally:
        REGISTRIES.remove(registry)
