"""Rule 58: gradients through calls of functions are those through what the functions do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.ir.source import parse
from pullback.driver.program import Program
from pullback.passes.gradients.rule_registry import MissingGradientError
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes

X = np.array([-1.0, 0.5, 2.0])


def run(text: str, inputs: list[Array], variables: Mapping[str, Array] | None = None) -> list[Any]:
    """What a program with `V` for a type returns: natively, which NumPy confirms."""
    text = re.sub(r"\bV\b", "tensor<3xf64>", text)
    module = parse(context(), text).module
    run_passes(context(), module, parse_passes("gradients"))
    found = [
        Program(module, target)(inputs, {k: v.copy() for k, v in (variables or {}).items()})
        for target in ("numpy", "cpu")
    ]
    for oracle, native in zip(*found, strict=True):
        # At -1 the second derivative is what is left of terms a hundred times as large, each rounded.
        np.testing.assert_allclose(native, oracle, rtol=1e-14, atol=1e-15)
    return found[1]


CALLED = """
func.func private @product(%a: V, %b: V) -> (V, V) {
  %m = graph.multiply %a, %b : V
  %e = graph.exp %a : V
  func.return %m, %e : V, V
}
func.func private @chain(%a: V) -> V {
  %m, %e = func.call @product(%a, %a) : (V, V) -> (V, V)
  %n, %unused = func.call @product(%m, %e) : (V, V) -> (V, V)
  %t = graph.tanh %n : V
  func.return %t : V
}
func.func @main(%x: V) -> (V, V, V) {
  %y = func.call @chain(%x) : (V) -> V
  %z = func.call @chain(%y) : (V) -> V
  REQUESTS
}
"""

INLINED = """
func.func @main(%x: V) -> (V, V, V) {
  %m = graph.multiply %x, %x : V
  %e = graph.exp %x : V
  %n = graph.multiply %m, %e : V
  %y = graph.tanh %n : V
  %m2 = graph.multiply %y, %y : V
  %e2 = graph.exp %y : V
  %n2 = graph.multiply %m2, %e2 : V
  %z = graph.tanh %n2 : V
  REQUESTS
}
"""

REQUESTS = """
  %first = graph.gradients of (%z) wrt (%x) : (V, V) -> V
  %second = graph.gradients of (%first) wrt (%x) : (V, V) -> V
  func.return %z, %first, %second : V, V, V
"""


def test_rule_58_gradients_of_calls_are_those_of_what_is_called() -> None:
    """Both orders; functions that are called twice, that call others, of two results, one of them not used."""
    called = run(CALLED.replace("REQUESTS", REQUESTS), [X])
    inlined = run(INLINED.replace("REQUESTS", REQUESTS), [X])
    for found, expected in zip(called, inlined, strict=True):
        np.testing.assert_array_equal(found, expected)

    def z(x: Any) -> Any:
        y = np.tanh(x * x * np.exp(x))
        return np.tanh(y * y * np.exp(y))

    h = 1e-4
    np.testing.assert_allclose(called[0], z(X), rtol=1e-14)
    np.testing.assert_allclose(called[1], (z(X + h) - z(X - h)) / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(called[2], (z(X + h) - 2 * z(X) + z(X - h)) / h**2, rtol=1e-5, atol=1e-5)


def test_rule_58_a_function_may_ask_for_gradients() -> None:
    """Those of its own arguments: that both are x here is no business of the function."""
    program = """
    func.func private @slope(%a: V, %b: V) -> V {
      %c = graph.multiply %a, %a : V
      %m = graph.multiply %c, %b : V
      %d = graph.gradients of (%m) wrt (%a) : (V, V) -> V
      func.return %d : V
    }
    func.func @main(%x: V) -> (V, V) {
      %s = func.call @slope(%x, %x) : (V, V) -> V
      %d = graph.gradients of (%s) wrt (%x) : (V, V) -> V
      func.return %s, %d : V, V
    }
    """
    slope, derivative = run(program, [X])
    np.testing.assert_allclose(slope, 2 * X * X)
    np.testing.assert_allclose(derivative, 4 * X)


def test_rule_58_arguments_of_a_custom_gradient_are_apart() -> None:
    program = """
    func.func private @scaled(%a: V, %b: V) -> V {
      %m = graph.multiply %a, %b : V
      %r = graph.custom_gradient of (%m) wrt (%a) closure (%b) : (V, V, V) -> V {
      ^bb0(%dm: V):
        %h = graph.fill {value = 100.0 : f64} : V
        %g = graph.multiply %dm, %h : V
        graph.yield %g : V
      }
      func.return %r : V
    }
    func.func @main(%x: V) -> V {
      %y = func.call @scaled(%x, %x) : (V, V) -> V
      %d = graph.gradients of (%y) wrt (%x) : (V, V) -> V
      func.return %d : V
    }
    """
    np.testing.assert_allclose(run(program, [X])[0], 100 + X)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [("%m, %m", 1.0), ("%m, %n", 1.0), ("%a, %n", 1.0)],
    ids=["twice", "computed from the other", "the argument"],
)
def test_rule_58_results_are_values_of_their_own(returned: str, expected: float) -> None:
    """Asked for at one result, the gradient is not that of the other, whatever the function does."""
    program = f"""
    func.func private @two(%a: V) -> (V, V) {{
      %m = graph.tanh %a : V
      %n = graph.exp %m : V
      func.return {returned} : V, V
    }}
    func.func @main(%x: V) -> V {{
      %p, %q = func.call @two(%x) : (V) -> (V, V)
      %s = graph.add %p, %q : V
      %t = graph.add %s, %x : V
      %d = graph.gradients of (%t) wrt (%p) : (V, V) -> V
      func.return %d : V
    }}
    """
    np.testing.assert_array_equal(run(program, [X])[0], np.full(3, expected))


def test_rule_58_variables_are_those_of_the_caller() -> None:
    """A gradient with respect to one sees the reads in functions; a function sees its own reads alone."""
    program = """
    func.func private @scaled(%a: V) -> (V, V) {
      %w = graph.variable {variable = "w"} : !graph.ref<V>
      %v = graph.read %w : (!graph.ref<V>) -> V
      %m = graph.multiply %a, %v : V
      %d = graph.gradients of (%m) wrt (%w) : (V, !graph.ref<V>) -> V
      func.return %m, %d : V, V
    }
    func.func @main(%x: V) -> (V, V, V) {
      %y, %d = func.call @scaled(%x) : (V) -> (V, V)
      %z, %e = func.call @scaled(%y) : (V) -> (V, V)
      %w = graph.variable {variable = "w"} : !graph.ref<V>
      %f = graph.gradients of (%z) wrt (%w) : (V, !graph.ref<V>) -> V
      func.return %d, %e, %f : V, V, V
    }
    """
    w = np.array([3.0, 5.0, 7.0])
    d, e, f = run(program, [X], {"w": w})
    np.testing.assert_allclose([d, e, f], [X, X * w, 2 * X * w])


def test_rule_58_a_function_may_ask_about_variables_and_arguments_at_once() -> None:
    program = """
    func.func private @slopes(%a: V, %b: V) -> (V, V) {
      %w = graph.variable {variable = "w"} : !graph.ref<V>
      %v = graph.read %w : (!graph.ref<V>) -> V
      %p = graph.multiply %a, %b : V
      %m = graph.multiply %p, %v : V
      %dw, %da = graph.gradients of (%m) wrt (%w, %a) : (V, !graph.ref<V>, V) -> (V, V)
      func.return %dw, %da : V, V
    }
    func.func @main() -> (V, V, V) {
      %w = graph.variable {variable = "w"} : !graph.ref<V>
      %v = graph.read %w : (!graph.ref<V>) -> V
      %d, %e = func.call @slopes(%v, %v) : (V, V) -> (V, V)
      %f = graph.gradients of (%e) wrt (%w) : (V, !graph.ref<V>) -> V
      func.return %d, %e, %f : V, V, V
    }
    """
    np.testing.assert_allclose(run(program, [], {"w": X}), [X * X, X * X, 2 * X])


def test_rule_58_calls_in_loops() -> None:
    program = """
    func.func private @again(%i: tensor<i32>, %a: V) -> (tensor<i32>, V) {
      %one = graph.fill {value = 1 : i32} : tensor<i32>
      %j = graph.subtract %i, %one : tensor<i32>
      %b = graph.multiply %a, %a : V
      func.return %j, %b : tensor<i32>, V
    }
    func.func private @loop(%n: tensor<i32>, %x: V) -> V {
      %i, %y = graph.while %n, %x : tensor<i32>, V {
      ^bb0(%j: tensor<i32>, %a: V):
        %zero = graph.fill {value = 0 : i32} : tensor<i32>
        %c = graph.greater %j, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
        graph.condition %c : tensor<i1>
      } do {
      ^bb0(%j: tensor<i32>, %a: V):
        %k, %b = func.call @again(%j, %a) : (tensor<i32>, V) -> (tensor<i32>, V)
        graph.yield %k, %b : tensor<i32>, V
      }
      func.return %y : V
    }
    func.func @main(%n: tensor<i32>, %x: V) -> (V, V) {
      %y = func.call @loop(%n, %x) : (tensor<i32>, V) -> V
      %d = graph.gradients of (%y) wrt (%x) : (V, V) -> V
      %e = graph.gradients of (%d) wrt (%x) : (V, V) -> V
      func.return %d, %e : V, V
    }
    """
    first, second = run(program, [np.array(2, np.int32), X])
    np.testing.assert_allclose([first, second], [4 * X**3, 12 * X**2])


def test_rule_58_a_call_by_itself_has_no_gradient() -> None:
    text = re.sub(r"\bV\b", "tensor<3xf64>", CALLED.replace("REQUESTS", REQUESTS))
    with pytest.raises(MissingGradientError, match=r"'z' \(op type: func.call\): run inline-calls first"):
        run_passes(context(), parse(context(), text).module, parse_passes("generate-gradients"))
