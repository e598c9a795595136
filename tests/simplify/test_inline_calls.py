"""`inline-calls` changes no values, and keeps the origin of every operation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import EvaluationError, evaluate
from pullback.dialects.context import context
from pullback.dialects.graph.elementwise.basic import Multiply
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.tensor.location import name_of, position_of, role_of
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import Source, parse
from pullback.dialects.ir.text import print_module
from pullback.driver.program import Program
from pullback.driver.run_pipeline import main_function
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes

TYPE = "tensor<4xf64>"
X = np.array([-0.7, 0.1, 0.5, 1.3])


def parsed(text: str) -> Source:
    return parse(context(), text.replace("VEC", TYPE), "calls.mlir")


def passed(module: ModuleOp, pipeline: str) -> ModuleOp:
    run_passes(context(), module, parse_passes(pipeline))
    return module


def listed(names: list[str]) -> str:
    return ", ".join(names)


@st.composite
def functions(draw: st.DrawFn) -> str:
    """Functions @f0 to @main, each of operations and calls of those before; results may be arguments, or twice one."""
    texts: list[str] = []
    arities: list[tuple[int, int]] = []
    count = draw(st.integers(1, 4))
    for i in range(count):
        last = i == count - 1
        arguments = [f"%a{n}" for n in range(1 if last else draw(st.integers(0, 3)))]
        values, lines = [*arguments], list[str]()
        if not values:
            lines.append("%c = graph.fill {value = 0.5 : f64} : VEC")
            values.append("%c")
        for n in range(draw(st.integers(1, 5))):
            chosen = st.sampled_from(values)
            if arities and draw(st.booleans()):
                callee = draw(st.integers(0, len(arities) - 1))
                takes, gives = arities[callee]
                made = [f"%v{n}r{k}" for k in range(gives)]
                result = f"{listed(made)} = " if made else ""
                types = f"({listed(['VEC'] * takes)}) -> ({listed(['VEC'] * gives)})"
                operands = listed([draw(chosen) for _ in range(takes)])
                lines.append(f"{result}func.call @f{callee}({operands}) : {types}")
                values += made
            else:
                kind = draw(st.sampled_from(["add", "multiply", "subtract", "tanh", "sin"]))
                operands = [draw(chosen) for _ in range(1 if kind in ("tanh", "sin") else 2)]
                lines.append(f"%v{n} = graph.{kind} {listed(operands)} : VEC")
                values.append(f"%v{n}")
        results = draw(st.lists(st.sampled_from(values), min_size=int(last), max_size=1 if last else 3))
        returned = f"func.return {listed(results)}" + (
            f" : {listed(['VEC'] * len(results))}" if results else ""
        )
        signature = f"({listed([f'{a}: VEC' for a in arguments])}) -> ({listed(['VEC'] * len(results))})"
        visibility = draw(st.sampled_from(["", "private "]))
        name = "@main" if last else f"{visibility}@f{i}"
        texts.append(f"func.func {name}{signature} {{\n" + "\n".join([*lines, returned]) + "\n}")
        arities.append((len(arguments), len(results)))
    return "\n".join(draw(st.permutations(texts)))


@given(functions())
def test_random_programs_keep_their_values(text: str) -> None:
    """The oracle runs calls as calls."""
    (expected,) = evaluate(main_function(parsed(text).module), [X])
    module = passed(parsed(text).module, "inline-calls")
    assert not any(isinstance(op, func.CallOp) for op in module.walk())
    np.testing.assert_array_equal(evaluate(main_function(module), [X])[0], expected)
    printed = print_module(module)
    assert print_module(passed(parse(context(), printed).module, "inline-calls")) == printed


@given(functions())
def test_random_programs_have_the_gradients_of_differences(text: str) -> None:
    before = main_function(parsed(text).module)
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("func.func @main"))
    at = next(i for i in range(start, len(lines)) if lines[i].startswith("func.return"))
    y = lines[at].split()[1]
    request = f"%dx = graph.gradients of ({y}) wrt (%a0) {{unconnected = #graph.unconnected<zero>}} : (VEC, VEC) -> VEC"
    lines[at : at + 1] = [request, "func.return %dx : VEC"]
    module = passed(parsed("\n".join(lines)).module, "gradients")
    h = 1e-6
    difference = (evaluate(before, [X + h])[0] - evaluate(before, [X - h])[0]) / (2 * h)
    for target in ("numpy", "cpu"):
        (found,) = Program(module, target)([X], {})
        scale = max(1.0, float(np.abs(found).max()))
        np.testing.assert_allclose(found / scale, difference / scale, atol=1e-6)


PROGRAM = """
func.func private @layer(%a: VEC) -> VEC {
  %m = graph.multiply %a, %a : VEC loc("square"("layer.py":3:7))
  %t = graph.tanh %m : VEC
  %d = graph.gradients of (%t) wrt (%m) : (VEC, VEC) -> VEC
  func.return %d : VEC
}
func.func @main(%x: VEC) -> VEC {
  %y = func.call @layer(%x) : (VEC) -> VEC loc("first"("main.py":5:2))
  %z = func.call @layer(%y) : (VEC) -> VEC
  func.return %z : VEC
}
"""


def test_names_and_places_are_those_of_the_function_at_the_call() -> None:
    source = parsed(PROGRAM)
    passed(source.module, "inline-calls")
    multiplications = [op for op in source.module.walk() if isinstance(op, Multiply)]
    assert [name_of(op) for op in multiplications] == ["first/square", "layer/square"]
    assert [position_of(op) for op in multiplications] == [("layer.py", 3, 7)] * 2
    assert [str(source.locate(op).get_location()) for op in multiplications] == ["calls.mlir:3:3"] * 2
    (unplaced, _) = (op for op in source.module.walk() if isinstance(op, Tanh))
    assert position_of(unplaced) == ("main.py", 5, 2)


def test_what_the_engine_made_serves_the_operation_at_the_call() -> None:
    module = passed(parsed(PROGRAM).module, "generate-gradients,inline-calls")
    served = {role.forward for op in module.walk() if (role := role_of(op)) is not None}
    assert {"first/t", "layer/t"} <= served
    assert not {"t", "square"} & served


def test_errors_point_into_the_function() -> None:
    """Of three copies of one operation, and of one within another."""
    source = parsed("""
func.func private @pick(%a: VEC) -> VEC {
  %p = graph.prevent_gradient %a {message = "no"} : VEC
  func.return %p : VEC
}
func.func private @outer(%a: VEC) -> VEC {
  %p = func.call @pick(%a) : (VEC) -> VEC
  func.return %p : VEC
}
func.func @main(%x: VEC) -> VEC {
  %y = func.call @outer(%x) : (VEC) -> VEC
  %d = graph.gradients of (%y) wrt (%x) : (VEC, VEC) -> VEC
  func.return %d : VEC
}
""")
    with pytest.raises(DiagnosticError, match="Gradient explicitly disabled") as caught:
        passed(source.module, "gradients")
    assert str(source.locate(caught.value.op).get_location()) == "calls.mlir:3:3"


SEVERAL = """
func.func @other(%x: tensor<?xf64>) -> tensor<?xf64> {
  %y = graph.exp %x : tensor<?xf64>
  func.return %y : tensor<?xf64>
}
func.func private @declared(VEC) -> VEC
func.func private @uncalled(%x: VEC) -> VEC {
  %y = func.call @square(%x) : (VEC) -> VEC
  func.return %y : VEC
}
func.func @main(%x: VEC) -> VEC {
  %y = func.call @square(%x) : (VEC) -> VEC
  func.return %y : VEC
}
func.func private @square(%a: VEC) -> VEC {
  %m = graph.multiply %a, %a : VEC
  func.return %m : VEC
}
"""


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_a_program_is_its_main_function(target: str) -> None:
    """Whatever else its module holds; the module stays as it is."""
    module = parsed(SEVERAL).module
    before = print_module(module)
    program = Program(module, target)
    np.testing.assert_array_equal(program([X], {})[0], X * X)
    assert print_module(module) == before
    assert "@other" not in program.ir("graph")
    assert "@other" not in program.ir("kernels", [X.shape])


def test_the_oracle_needs_what_is_called() -> None:
    text = SEVERAL.replace("@square(%x)", "@declared(%x)")
    with pytest.raises(EvaluationError, match="the program has no @declared to run"):
        evaluate(main_function(parsed(text).module), [X])


def test_the_oracle_refuses_recursion() -> None:
    text = SEVERAL.replace("graph.multiply %a, %a : VEC", "func.call @uncalled(%a) : (VEC) -> VEC")
    with pytest.raises(EvaluationError, match="recursion: @square would call itself for ever"):
        evaluate(main_function(parsed(text).module), [X])


def test_a_chain_of_calls() -> None:
    """Each link in the name, the outermost first."""
    link = "func.func private @f{}(%a: VEC) -> VEC {{ %r = func.call @f{}(%a) : (VEC) -> VEC func.return %r : VEC }}"
    last = "func.func private @f50(%a: VEC) -> VEC { %r = graph.tanh %a : VEC func.return %r : VEC }"
    main = "func.func @main(%x: VEC) -> VEC { %r = func.call @f0(%x) : (VEC) -> VEC func.return %r : VEC }"
    links = [link.format(i, i + 1) for i in range(50)]
    module = passed(parsed("\n".join([*links, last, main])).module, "inline-calls")
    (tanh,) = (op for op in main_function(module).walk() if isinstance(op, Tanh))
    assert name_of(tanh) == "/".join([*(f"f{i}" for i in range(51)), "r"])
