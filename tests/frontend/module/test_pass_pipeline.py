"""`pb.pipeline`: pipelines as objects, hooks around passes, and what there is to name in one."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import pullback as pb
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.extend import Pipeline, Plugin
from pullback.extend.operations import Exp
from pullback.tests.frontend.module.programs import REQUEST


@dataclass(frozen=True)
class Refuse(ModulePass):
    """Rewrites half of a module, and then says that something is wrong with it."""

    name = "refuse"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        first = next(iter(op.body.block.ops))
        first.attributes.clear()
        raise DiagnosticError("I do not like it", next(iter(first.regions[0].block.ops)))


@dataclass(frozen=True)
class Break(ModulePass):
    """Leaves a module that is not valid."""

    name = "break"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        body = next(iter(op.body.block.ops)).regions[0].block
        body.add_op(Exp.create(operands=[body.args[0]], result_types=[body.args[0].type]))


# ---- pipelines ------------------------------------------------------------------------------------------------


def test_a_pipeline_is_a_sequence_of_passes() -> None:
    made = pb.pipeline("gradients,aggregate-gradients{method=tree}")
    assert [p.name for p in made] == [
        "inline-calls",
        "generate-gradients",
        "verify-level",
        "aggregate-gradients",
    ]
    assert len(made) == 4
    assert made[-1] == pb.list_passes()["aggregate-gradients"](method="tree")
    assert made[:3] == pb.pipeline("gradients")
    assert str(made[-1:]) == "aggregate-gradients{method=tree}"
    assert pb.pipeline(str(made)) == made == pb.pipeline(list(made)) == pickle.loads(pickle.dumps(made))
    assert hash(pb.pipeline(str(made))) == hash(made)
    assert repr(pb.pipeline("cse,dce")) == "pipeline('cse,dce')"


def test_pipelines_are_joined() -> None:
    dce = pb.list_passes()["dce"]()
    assert pb.pipeline("cse") + "dce" == pb.pipeline("cse,dce") == pb.pipeline("cse", dce)
    assert "cse" + pb.pipeline(dce) == pb.pipeline("cse") + dce == pb.pipeline(["cse", [dce]])
    assert len(pb.pipeline()) == len(pb.pipeline("")) == 0


def test_a_pipeline_makes_a_new_module() -> None:
    module = pb.parse(REQUEST)
    made = pb.pipeline("gradients,finish")(module)
    assert made == module.to_level("graph")
    assert module == pb.parse(REQUEST)
    op = module.op
    pb.pipeline("gradients,finish").apply(module)
    assert module == made
    assert module.op is op
    assert pb.pipeline()(module) == module


WRONG = [
    (
        "finsh",
        r"^<pipeline>:1:1: error: unknown pass or pipeline 'finsh'; did you mean 'finish'\?\nfinsh\n\^\^\^\^\^",
    ),
    ("cse,form-kernels{vector=4}", r"^<pipeline>:1:5: error: pass 'form-kernels': unknown option 'vector'"),
    ("cse dce", r"^<pipeline>:1:5: error: expected a comma"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_wrong_texts(text: str, said: str) -> None:
    with pytest.raises(pb.ProgramError, match=said):
        pb.pipeline(text)


def test_wrong_objects() -> None:
    with pytest.raises(TypeError, match=r"expected text, passes or pipelines, got int"):
        pb.pipeline(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"got the class of one: write Refuse\(\)"):
        pb.pipeline(Refuse)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"expected a Module, got str"):
        pb.pipeline("cse")(REQUEST)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("pass_", "said"),
    [
        (Refuse(), r"^f\.mlir:2:3: error: I do not like it\n  %h = .*\n  \^\^\nnote: in pass 'refuse'$"),
        (Break(), r"^f\.mlir:6:3: error: 'func.return': .*\n(.*\n)*note: in pass 'break'$"),
    ],
)
def test_no_module_is_half_rewritten(pass_: ModulePass, said: str) -> None:
    module = pb.parse(REQUEST, name="f.mlir")
    for run in (pb.pipeline(pass_), pb.pipeline("gradients", "cse", pass_).apply):
        with pytest.raises(pb.ProgramError, match=said):
            run(module)
        assert module == pb.parse(REQUEST)
        module.verify("request")


def test_an_error_in_a_new_operation_names_what_it_came_from() -> None:
    module = pb.parse(REQUEST, name="f.mlir")
    with pytest.raises(pb.ProgramError) as caught:
        pb.pipeline("generate-gradients,verify-level{level=graph}")(module)
    assert caught.value.notes[-1] == "in pass 'verify-level{level=graph}'"


# ---- hooks ----------------------------------------------------------------------------------------------------


def test_functions_are_called_around_each_pass() -> None:
    called: list[tuple[str, str, str | None]] = []
    pb.pipeline("gradients,cse")(
        pb.parse(REQUEST),
        before=lambda pass_, module: called.append(("before", pass_.name, module.level)),
        after=lambda pass_, module: called.append(("after", pass_.name, module.level)),
    )
    assert called == [
        ("before", "inline-calls", "request"),
        ("after", "inline-calls", "request"),
        ("before", "generate-gradients", "request"),
        ("after", "generate-gradients", "gradients"),
        ("before", "verify-level", "gradients"),
        ("after", "verify-level", "gradients"),
        ("before", "cse", "gradients"),
        ("after", "cse", "gradients"),
    ]


class Names(pb.PassInstrumentation):
    """Notes the names of passes, and those that fail."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.failed: list[str] = []

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        self.names.append(pass_.name)

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        self.failed.append(pass_.name)


def test_instrumentations_see_the_passes_of_targets() -> None:
    names = Names()
    with pb.instrumented(names):
        pb.parse(REQUEST).to_level("loops")
        with pytest.raises(pb.ProgramError):
            pb.pipeline(Refuse())(pb.parse(REQUEST))
    assert names.names[-3:] == ["verify-level", "lower-to-loops", "verify-level"]
    assert names.failed == ["refuse"]


def test_what_is_no_instrumentation() -> None:
    with (
        pytest.raises(TypeError, match=r"expected objects of PassInstrumentation, got 3"),
        pb.instrumented(3),  # pyright: ignore[reportArgumentType]
    ):
        pass


def test_what_a_hook_raises_ends_the_run() -> None:
    def stop(pass_: ModulePass, module: pb.Module) -> None:
        raise KeyError(pass_.name)

    module = pb.parse(REQUEST)
    with pytest.raises(KeyError, match="inline-calls"):
        pb.pipeline("gradients").apply(module, after=stop)
    assert module == pb.parse(REQUEST)


# ---- what there is --------------------------------------------------------------------------------------------


def test_lists() -> None:
    assert list(pb.list_levels()) == ["request", "gradients", "graph", "kernels", "loops", "gpu"]
    assert pb.list_levels()["kernels"].static_shapes
    assert list(pb.list_targets()) == ["numpy", "cpu", "simt", "fibers", "cuda"]
    assert pb.list_targets()["cpu"].levels == ("kernels", "loops")
    assert pb.list_pipelines()["finish"] == pb.pipeline("finish")
    assert {"cse", "form-kernels", "verify-level"} <= set(pb.list_passes())
    for listed in (pb.list_levels(), pb.list_targets(), pb.list_pipelines(), pb.list_passes()):
        assert [line.split(" ")[0] for line in repr(listed).splitlines()] == list(listed)
        assert len(listed) == len(list(listed))
    assert repr(pb.list_targets()["simt"]).splitlines()[1:] == [
        "  passes from a finished graph: kernels,gpu",
        "  levels: kernels, gpu",
        "  texts: cuda",
    ]
    assert repr(pb.list_levels()["loops"]).splitlines()[0] == "CPU loops over memory; all shapes are static"
    with pytest.raises(KeyError, match=r"no pass is called 'css': did you mean 'cse'\?"):
        pb.list_passes()["css"]
    assert "css" not in pb.list_passes()


def test_passes_as_objects() -> None:
    aggregate = pb.list_passes()["aggregate-gradients"]
    assert "method" in aggregate.options
    assert repr(aggregate).startswith("aggregate-gradients: Turns every")
    said = r"pass 'aggregate-gradients': unknown option 'mode'; expected one of: method"
    with pytest.raises(TypeError, match=said):
        aggregate(mode="tree")
    with pytest.raises(
        TypeError, match=r"pass 'aggregate-gradients': option 'method' is oak; expected .*add_n"
    ):
        aggregate(method="oak")
    with pytest.raises(TypeError, match=r"pass 'verify-level': option 'level' is missing"):
        pb.list_passes()["verify-level"]()
    assert (
        pb.list_passes()["form-kernels"](vector_bits=128) == pb.pipeline("form-kernels{vector-bits=128}")[0]
    )


def test_what_is_registered_is_there() -> None:
    plugin = pb.register(
        Plugin("test_what_is_registered", passes=(Refuse,), pipelines={"twice": Pipeline("", "cse,cse")})
    )
    try:
        assert pb.list_passes()["refuse"]() == Refuse() == pb.pipeline("refuse")[0]
        assert [p.name for p in pb.list_pipelines()["twice"]] == ["cse", "cse"]
        assert pb.pipeline("twice")(pb.parse(REQUEST)) == pb.parse(REQUEST)
    finally:
        pb.unregister(plugin)
    assert "refuse" not in pb.list_passes()
