"""Pipelines as text: nested as mlir-opt spells them, printed so that they are read back, and errors at their place."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import hypothesis.strategies as st
import pytest
from hypothesis import given
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.passes.pipeline.options import options_of
from pullback.passes.pipeline.pipelines import PIPELINES, PipelineError, anchor_of, parse_passes
from pullback.passes.pipeline.print_pipeline import module_pipeline_text, pass_heading, pipeline_text
from pullback.passes.pipeline.run_passes import run_passes
from pullback.tools import opt, run
from pullback.tools.passes import available_passes, own_passes

PASSES = [factory() for factory in own_passes().values()]
PROGRAM = """\
func.func @{name}(%x: tensor<4x{dtype}>, %y: tensor<4x{dtype}>) -> tensor<4x{dtype}> {{
  %unused = graph.tanh %x : tensor<4x{dtype}>
  %a = graph.multiply %x, %y : tensor<4x{dtype}>
  %b = graph.multiply %x, %y : tensor<4x{dtype}>
  %c = graph.identity %b : tensor<4x{dtype}>
  %s = graph.add %a, %c : tensor<4x{dtype}>
  {last}
  func.return %{result} : tensor<4x{dtype}>
}}
"""
REQUEST = (
    "%dx = graph.gradients of (%s) wrt (%x) : (tensor<4x{dtype}>, tensor<4x{dtype}>) -> tensor<4x{dtype}>"
)


@dataclasses.dataclass(frozen=True)
class Anything(ModulePass):
    """A pass with options of every type."""

    name = "any-thing"

    words: tuple[str, ...]
    text: str | None = "default"
    numbers: tuple[int, ...] | tuple[float, ...] = (1, 2)
    number: int | float | None = None
    flag: bool = True
    no_flag: bool = False
    mode: Literal["a.b", "true story", 3] = 3
    several: tuple[bool, ...] | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None: ...


def values(hint: Any, least: int = 0) -> st.SearchStrategy[Any]:
    """Values of an option's type that text can say; to xDSL an optional list without elements is none."""
    simple = {
        # A surrogate is no text; the words `true` and `false` are truth values without quotes, which text has.
        str: st.text(st.characters(exclude_categories=["Cs"]))
        | st.sampled_from(["true", "false", "1", "-1e3"]),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        type(None): st.none(),
    }
    if hint in simple:
        return simple[hint]
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), min_size=least, max_size=4).map(tuple)
    return st.one_of(*(values(h, least=1) for h in get_args(hint)))


def instances(cls: type[ModulePass]) -> st.SearchStrategy[ModulePass]:
    """Passes of a class with any options."""
    options = {o.name.replace("-", "_"): values(o.hint) for o in options_of(cls).values()}
    return st.builds(cls, **options)


KNOWN = {**available_passes(), "any-thing": lambda: Anything}


@given(st.lists(st.one_of(*map(instances, [*PASSES, Anything])), max_size=5), st.booleans())
def test_what_is_printed_is_read_back(passes: list[ModulePass], defaults: bool) -> None:
    text = pipeline_text(passes, defaults=defaults)
    assert parse_passes(text, KNOWN) == tuple(passes)
    assert parse_passes(module_pipeline_text(passes), KNOWN) == tuple(passes)
    assert "\n" not in text


@pytest.mark.parametrize("name", PIPELINES)
def test_named_pipelines_are_written_out(name: str) -> None:
    passes = parse_passes(name)
    assert parse_passes(pipeline_text(passes)) == passes
    assert parse_passes(",".join(map(str, passes))) == passes
    assert not set(PIPELINES) & set(pipeline_text(passes).split(","))


@pytest.mark.parametrize(
    ("nested", "flat"),
    [
        ("builtin.module(canonicalize,func.func(cse,dce))", "canonicalize,cse,dce"),
        ("canonicalize, func.func( cse , dce ) , dce", "canonicalize,cse,dce,dce"),
        ("builtin.module(gradients,func.func(simplify))", "gradients,simplify"),
        ("builtin.module(inline-calls{max-operations=7})", "inline-calls{max_operations=7}"),
        ("builtin.module()", ""),
        ("func.func(),cse", "cse"),
        ("form-kernels{host-ops=graph.tanh,graph.exp}", 'form-kernels{host-ops="graph.tanh","graph.exp"}'),
        (
            "form-kernels{host-ops={graph.tanh} dtypes={f32,f64}}",
            "form-kernels{host-ops=graph.tanh dtypes=f32,f64}",
        ),
    ],
)
def test_nested_pipelines(nested: str, flat: str) -> None:
    assert parse_passes(nested) == parse_passes(flat)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("builtin.module(cse", 19, "or ) that closes builtin.module(, got the end"),
        ("builtin.module(cse))", 20, "expected a comma between passes, or options in braces, got )"),
        ("func.func(cse dce)", 15, "or ) that closes func.func(, got dce"),
        (
            "cse,func.func(dce,inline-calls)",
            19,
            "pass 'inline-calls' needs the whole module: write it outside",
        ),
        ("func.func(finish)", 11, "pass 'inline-calls' needs the whole module"),
        ("func.func(specialize-shapes{main=3})", 11, "pass 'specialize-shapes' needs the whole module"),
        ("func.func", 10, "expected passes in parentheses after func.func, got the end"),
        ("builtin.module{cse}", 15, "expected passes in parentheses after builtin.module, got {"),
        ("func.fnc(cse)", 1, "no passes run on 'func.fnc'; did you mean 'func.func'?"),
        ("any(cse)", 1, "no passes run on 'any'; expected builtin.module or func.func"),
        ("func.func(builtin.module(cse))", 11, "no builtin.module is in a func.func"),
        ("builtin.module(builtin.module(cse))", 16, "no builtin.module is in a builtin.module"),
        ("builtin.module(cse,nosuch)", 20, "unknown pass or pipeline 'nosuch'"),
        ("form-kernels{host-ops={graph.tanh}", 35, "expected the name of an option, or }, got the end"),
        ("form-kernels{host-ops={graph.tanh graph.exp}}", 35, "expected a comma between values, or }"),
        ("form-kernels{host-ops=graph.}", 28, "unexpected '.'"),
        ('form-kernels{host-ops="\\v"}', 23, "a string with a wrong escape"),
        ('form-kernels{host-ops="\\ff"}', 23, "a string with a wrong escape"),
    ],
)
def test_what_a_nested_pipeline_may_not_say(text: str, column: int, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse_passes(text)
    assert message in caught.value.message
    assert caught.value.span.get_location().col == column


def alone(name: str, dtype: str, *, asks: bool) -> str:
    request = REQUEST.format(dtype=dtype) if asks else ""
    return PROGRAM.format(name=name, dtype=dtype, last=request, result="dx" if asks else "s")


BEFORE = {
    **{"generate-gradients": "", "aggregate-gradients": "gradients", "gate-gradients": "gradients"},
    **{"plan-memory": "gradients,finish,form-kernels", "form-kernels": "gradients,finish"},
}
"""What leads to the level at which a pass has something to do."""


@pytest.mark.parametrize(
    "cls", [cls for cls in PASSES if anchor_of(cls) == "func.func"], ids=lambda c: c.name
)
def test_what_works_function_by_function_does_the_same_to_each_alone(cls: type[ModulePass]) -> None:
    """This is what the attribute `anchor` of a pass says."""
    needed = BEFORE.get(cls.name)
    options = "{level=graph}" if cls.name == "verify-level" else ""
    text = ",".join(filter(None, [needed, f"func.func({cls.name}{options})"]))

    def after(program: str) -> list[str]:
        module = parse(context(), program).module
        run_passes(context(), module, parse_passes(text))
        return [print_module(ModuleOp([op.clone()])) for op in module.ops]

    functions = [alone("f", "f32", asks=needed is not None), alone("g", "f64", asks=needed is not None)]
    assert after("".join(functions)) == [text for function in functions for text in after(function)]


@pytest.mark.parametrize("option", ["-p", "--passes", "--pass-pipeline"])
def test_tools_take_a_pipeline_under_each_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(alone("main", "f32", asks=True))
    assert opt.main([str(path), option, "builtin.module(gradients,finish)"]) == 0
    expected = capsys.readouterr().out
    assert "graph.gradients" not in expected
    arrays = ["--input=x=[1,2,3,4]", "--input=y=[1,1,1,1]", "--values"]
    assert run.main([str(path), option, "builtin.module(gradients,func.func(simplify))", *arrays]) == 1
    assert "no place at level 'graph'" in capsys.readouterr().err
    assert run.main([str(path), option, "builtin.module(gradients,finish)", *arrays]) == 0
    assert capsys.readouterr().out == "dx = [2.0, 2.0, 2.0, 2.0]\n"


@pytest.mark.parametrize("tool", [opt.main, run.main])
def test_a_pipeline_is_given_once(capsys: pytest.CaptureFixture[str], tool: Any) -> None:
    assert tool(["-p", "cse", "--pass-pipeline", "dce"]) == 1
    assert "--pass-pipeline is given twice" in capsys.readouterr().err


def test_the_pipeline_that_runs_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(alone("main", "f32", asks=True))
    assert opt.main([str(path), "-p", "gradients,finish", "--dump-pass-pipeline", "--max-operations=99"]) == 0
    first = capsys.readouterr()
    (line,) = first.err.splitlines()
    assert line.startswith(
        "builtin.module(inline-calls{max-operations=99},generate-gradients{max-operations=99},"
    )
    assert opt.main([str(path), "-p", line, "--dump-pass-pipeline"]) == 0
    assert capsys.readouterr() == first


def test_the_passes_of_the_target_are_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(alone("main", "f32", asks=False))
    arrays = ["--input=x=[1,2,3,4]", "--input=y=[1,1,1,1]"]
    assert run.main([str(path), *arrays, "--target=cpu", "--dump-pass-pipeline", "-p", "func.func(cse)"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("builtin.module(cse,inline-calls")
    assert opt.main([str(path), "-p", line, "-t", "llvm-ir"]) == 0
    assert "define void @main" in capsys.readouterr().out


def test_the_pass_that_failed_is_printed_last(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(alone("main", "f32", asks=False))
    assert run.main([str(path), "--dump-pass-pipeline", "-p", "cse,verify-level{level=gpu},dce"]) == 1
    assert "builtin.module(cse,verify-level{level=gpu})\n" in capsys.readouterr().err


@dataclasses.dataclass(frozen=True)
class OfPython(ModulePass):
    """A pass that text cannot name."""

    name = "of-python"
    choose: Any = len

    def apply(self, ctx: Context, op: ModuleOp) -> None: ...


def test_headings_name_what_text_cannot() -> None:
    assert pass_heading(OfPython()) == "of-python"
    assert pass_heading(OfPython(sum)) == "of-python"
    with pytest.raises(TypeError, match="cannot be written as the value of an option"):
        pipeline_text([OfPython(sum)])
