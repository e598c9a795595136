"""The engine's own promises: linear, iterative, needed-only, per value, undone on error."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute

from pullback.dialects.graph.by_index.gather import Gather, MakeSlices
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Cast, Identity, StopGradient
from pullback.dialects.graph.elementwise.comparisons import Greater
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.markers import SumGradients
from pullback.dialects.graph.gradient.policies import Unconnected
from pullback.dialects.graph.movement.split_concat import split_like
from pullback.dialects.graph.state.variables import Assign, Read, VariableOp
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.location import name_of, named, role_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES, SlicesType, VariableType
from pullback.passes.gradients import rule_registry
from pullback.passes.gradients.emitter import LARGE
from pullback.passes.gradients.rule_errors import GradientError, GradientTypeError
from pullback.passes.gradients.rule_registry import MissingGradientError
from pullback.tests.graphs import Function, build, type_from


def chain(length: int) -> Function:
    def body(x: Tensor) -> Tensor:
        for _ in range(length):
            x = Tanh.of(x)
        return x

    return build(["4xf64"], body)


def test_a_chain_of_20000_operations() -> None:
    function = chain(20_000)
    (grad,) = function.gradients(function.ys, function.args)
    assert grad is not None
    (value,) = function(np.full(4, 0.5), results=[grad])
    assert np.all(np.isfinite(value))


def test_a_diamond_of_2_to_the_20_paths_is_linear() -> None:
    def body(x: Tensor) -> Tensor:
        for _ in range(20):
            x = x + x
        return x

    function = build(["f64"], body)
    before = len(function.op_names)
    (grad,) = function.gradients(function.ys, function.args)
    assert grad is not None
    assert len(function.op_names) - before == 1 + 2 * 20  # a seed; per addition a marker and a sum
    assert function(1.0, results=[grad]) == [2.0**20]


def test_the_work_doubles_when_the_graph_does() -> None:
    counts = []
    for length in (500, 1000):
        function = chain(length)
        function.gradients(function.ys, function.args)
        counts.append(len(function.op_names) - length)
    assert counts[1] == 2 * counts[0] - 1


def test_only_what_is_needed_is_built() -> None:
    function = build(["2x3xf64", "3x4xf64"], lambda a, w: a @ w)
    both = function.gradients(function.ys, function.args)
    assert None not in both
    function = build(["2x3xf64", "3x4xf64"], lambda a, w: a @ w)
    (dw,) = function.gradients(function.ys, function.args[1:])
    assert dw is not None
    assert function.op_names == ["graph.matmul", "graph.fill", "graph.matmul"]


def test_nothing_is_built_without_a_path() -> None:
    function = build(["3xf64", "3xf64"], lambda a, b: Tanh.of(a))
    assert function.gradients(function.ys, [function.args[1]]) == [None]
    assert function.op_names == ["graph.tanh"]


def test_dependent_ys() -> None:
    def body(x: Tensor) -> list[Tensor]:
        y = x * x
        return [y, y * y * x]

    function = build(["f64"], body)
    (grad,) = function.gradients(function.ys, function.args)
    assert grad is not None
    assert function(3.0, results=[grad]) == [2 * 3.0 + 5 * 3.0**4]


def test_duplicate_xs_and_ys() -> None:
    function = build(["f64"], lambda x: x * x)
    y, x = function.ys[0], function.args[0]
    first, second = function.gradients([y, y], [x, x])
    assert first is not None and second is not None and first.is_same(second)
    assert function(3.0, results=[first]) == [12.0]


def test_seeds_with_gaps() -> None:
    function = build(["2xf64", "2xf64"], lambda x, s: [x * 3, x * x])
    x, s = function.args
    (grad,) = function.gradients(function.ys, [x], [None, s])
    assert grad is not None
    np.testing.assert_allclose(function([1.0, 2.0], [10.0, 20.0], results=[grad])[0], [23.0, 83.0])


def test_gradients_flow_into_seeds() -> None:
    function = build(["3xf64", "3xf64", "3xf64"], lambda x, v, u: Exp.of(x))
    x, v, u = function.args
    (vjp,) = function.gradients(function.ys, [x], [v])
    assert vjp is not None
    (jvp,) = function.gradients([vjp], [v], [u])
    assert jvp is not None
    x0, u0 = np.array([0.1, 0.2, 0.3]), np.array([2.0, 3.0, 4.0])
    np.testing.assert_allclose(function(x0, np.ones(3), u0, results=[jvp])[0], np.exp(x0) * u0)


def test_total_and_partial_derivatives() -> None:
    def body(a: Tensor) -> list[Tensor]:
        b = a * 2
        return [a + b, b]

    function = build(["f64"], body)
    a, (y, b) = function.args[0], function.ys
    total = function.gradients([y], [a, b])
    partial = function.gradients([y], [a, b], stops=[a, b])
    assert function(1.0, results=[t for t in (*total, *partial) if t is not None]) == [3.0, 1.0, 1.0, 1.0]


def test_stops_and_xs_are_per_value() -> None:
    def body(x: Tensor) -> list[Tensor]:
        p, q = split_like(x, [Fill.full(0, type_from("2xf64")), Fill.full(0, type_from("1xf64"))], 0)
        return [p, q, p * p]

    function = build(["3xf64"], body)
    x, (p, q, y) = function.args[0], function.ys
    assert function.gradients([y], [q]) == [None]
    dp, dq, dx = function.gradients([y], [p, q, x])
    assert dp is not None and dq is None and dx is not None
    through_q = function.gradients([y, q], [x], stops=[p])[0]
    assert through_q is not None
    np.testing.assert_allclose(function([1.0, 2.0, 3.0], results=[through_q])[0], [0.0, 0.0, 1.0])


def test_unconnected_zero() -> None:
    function = build(["?x2xf64", "f64"], lambda a, b: b)
    (zero,) = function.gradients(function.ys, [function.args[0]], unconnected=Unconnected.ZERO)
    assert zero is not None
    np.testing.assert_array_equal(function(np.ones((4, 2)), 1.0, results=[zero])[0], np.zeros((4, 2)))


@pytest.mark.parametrize(
    "cut",
    [
        StopGradient.of,
        lambda x: Cast.to(Cast.to(x, DTYPES["i32"]), DTYPES["f64"]),
        lambda x: Cast.to(Greater.of(x, x), DTYPES["f64"]),
    ],
)
def test_paths_that_are_cut(cut: object) -> None:
    function = build(["3xf64"], lambda x: Tanh.of(cut(x)))  # pyright: ignore[reportCallIssue]
    assert function.gradients(function.ys, function.args) == [None]


def test_integer_y_is_its_own_gradient_only() -> None:
    function = build(["3xi32"], lambda x: x * x)
    y, x = function.ys[0], function.args[0]
    assert function.gradients([y], [x]) == [None]
    (ones,) = function.gradients([y], [y])
    assert ones is not None and ones.dtype == "i32"


def test_seeds_are_checked() -> None:
    function = build(["3xf64", "2xf64", "3xf32", "3xi1"], lambda x, a, b, c: Tanh.of(x))
    x, wrong_shape, wrong_dtype, truth = function.args
    with pytest.raises(ValueError, match=r"Passed 2 grad_ys for 1 ys"):
        function.gradients(function.ys, [x], [None, None])
    with pytest.raises(GradientError, match=r"grad_ys\[0\] has type tensor<2xf64>"):
        function.gradients(function.ys, [x], [wrong_shape])
    with pytest.raises(TypeError, match=r"grad_ys\[0\] has dtype f32, expected f64"):
        function.gradients(function.ys, [x], [wrong_dtype])
    with pytest.raises(GradientTypeError, match=r"ys\[0\] .* is i1"):
        function.gradients([truth], [x])


def test_a_missing_gradient_leaves_the_graph_as_it_was() -> None:
    function = build(["3xf64"], lambda x: Tanh.of(Exp.of(Tanh.of(x))))
    exp = list(function.block.ops)[1]
    exp.location = named("layer/e")
    exp.attributes[rule_registry.OVERRIDE] = StringAttr("Unheard")
    before = function.op_names
    with pytest.raises(
        LookupError, match=r"No gradient defined for operation 'layer/e' \(op type: Unheard\)"
    ) as caught:
        function.gradients(function.ys, function.args)
    assert isinstance(caught.value, MissingGradientError) and caught.value.op is exp
    assert function.op_names == before


def test_registered_rules(request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: rule_registry.unregister("Doubled"))
    request.addfinalizer(lambda: rule_registry.unregister("TooMany"))
    request.addfinalizer(lambda: rule_registry.unregister("TooWide"))
    rule_registry.register("Doubled", lambda op, dy: dy * 2)
    rule_registry.register("TooMany", lambda op, dy: (dy, dy))
    rule_registry.register("TooWide", lambda op, dy: Constant.from_array(np.zeros(7)))
    for name, error in (
        ("Doubled", None),
        ("TooMany", "Num gradients 2"),
        ("TooWide", "Incompatible shapes"),
    ):
        function = build(["3xf64"], Exp.of)
        next(iter(function.block.ops)).attributes[rule_registry.OVERRIDE] = StringAttr(name)
        if error is None:
            (grad,) = function.gradients(function.ys, function.args)
            assert grad is not None
            np.testing.assert_array_equal(function(np.ones(3), results=[grad])[0], np.full(3, 2.0))
        else:
            with pytest.raises(ValueError, match=error):
                function.gradients(function.ys, function.args)
            assert function.op_names == ["graph.exp"]
    with pytest.raises(KeyError):
        rule_registry.register("Doubled", None)


def test_a_variable_collects_all_its_reads() -> None:
    function = build(["2xf64"], lambda x: x)
    (x,) = function.args
    with inserting(function.block.add_op):
        ref = VariableOp.create(result_types=[_ref("2xf64")], properties={"variable": StringAttr("w")})
        function.block.add_op(ref)
        w = Tensor(ref.results[0])
        first = Read.of(w)
        Assign.apply(w, first * 2)
        second = Read.of(w)
        y = first * x + second * second
    dw, dfirst = function.gradients([y], [w, first])
    assert dw is not None and dfirst is not None
    assert dw.type == type_from("2xf64")


def _ref(text: str) -> Attribute:
    return VariableType(type_from(text))  # pyright: ignore[reportArgumentType]


def test_gather_gives_slices_and_they_stay_slices_through_identities() -> None:
    function = build(["5x2xf64", "3xi32"], lambda p, i: Gather.of(Identity.of(p), i))
    (grad,) = function.gradients(function.ys, function.args[:1])
    assert grad is not None and isinstance(grad.type, SlicesType)
    (value,) = function(np.ones((5, 2)), np.array([1, 1, 4], np.int32), results=[grad])
    np.testing.assert_array_equal(value.indices, [1, 1, 4])
    np.testing.assert_array_equal(value.dense()[:, 0], [0, 2, 0, 0, 1])


def test_slices_may_be_ys_and_seeds() -> None:
    function = build(["3x2xf64", "3xi32", "5x2xf64"], lambda v, i, d: MakeSlices.make(v * v, i, d))
    v, i, d = function.args
    (grad,) = function.gradients(function.ys, [v])
    with inserting(function.block.add_op):
        seed = MakeSlices.make(v, i, d)
    (seeded,) = function.gradients(function.ys, [v], [seed])
    assert grad is not None and seeded is not None
    values = np.arange(6.0).reshape(3, 2)
    ones, cubes = function(values, np.array([0, 0, 2], np.int32), np.ones((5, 2)), results=[grad, seeded])
    np.testing.assert_array_equal(ones, 2 * values)
    np.testing.assert_array_equal(cubes, 2 * values * values)


def test_large_slices_made_dense_warn() -> None:
    rows = LARGE // 2
    function = build([f"{rows}x2xf32", "3xi32"], lambda p, i: Gather.of(Tanh.of(p), i))
    with pytest.warns(UserWarning, match=f"dense tensor with {LARGE} elements"):
        function.gradients(function.ys, function.args[:1])


def test_names_and_roles() -> None:
    function = build(["3xf64"], lambda x: Tanh.of(x) * x)
    tanh, multiply = function.block.ops
    tanh.location, multiply.location = named("net/t"), named("net/m")
    (grad,) = function.gradients(function.ys, function.args, scope="outer/gradients")
    assert grad is not None
    made = list(function.block.ops)[2:]
    names = [name_of(op) for op in made]
    assert names[0] == "outer/gradients/grad_ys_0"
    assert "outer/gradients/net/m_grad/multiply" in names
    assert names[-1] == "outer/gradients/sum"
    roles = [role_of(op) for op in made]
    assert all(roles)
    assert [str(r) for r in roles[:2]] == [
        "seed of net/m",
        "gradient of net/m",
    ]


def test_no_term_is_combined_before_a_policy_says_how() -> None:
    """After generation no add, concat or gate combines terms: only the marker does."""

    def body(x: Tensor) -> Tensor:
        return Tanh.of(x) * Exp.of(x) - x / 2

    function = build(["3xf64"], body)
    before = len(function.op_names)
    (grad,) = function.gradients(function.ys, function.args)
    assert grad is not None
    added = function.op_names[before:]
    combining = {"graph.add", "graph.add_n", "graph.accumulate", "graph.concat_slices", "graph.gate"}
    assert not combining & set(added)
    assert added.count("graph.sum_gradients") == 1
    assert isinstance(grad.op, SumGradients) and len(grad.op.operands) == 3
