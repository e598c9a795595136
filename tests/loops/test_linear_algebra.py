"""Equations and Cholesky factors as loops: as exact as substitution, for all extents; the host raises exceptions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType

import pullback as pb
from pullback.backends.cpu.runtime import compile_module
from pullback.backends.evaluator.evaluator import EvaluationError
from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.tests.loops.compiled_function import compiled

SIDES = (1, 2, 7, 8, 9, 16, 31, 40)
COLUMNS = (1, 2, 3, 5, 16, 17, 32, 35, 67)
VARIANTS = list(itertools.product((True, False), (True, False)))


@pytest.fixture(autouse=True)
def threads_as_before() -> Generator[None]:
    yield
    pb.set_num_threads(None)


def solver(lower: bool, adjoint: bool) -> Callable[..., Any]:
    return lambda a, b: pb.triangular_solve(a, b, lower=lower, adjoint=adjoint)


def triangle(a: Any, lower: bool, adjoint: bool) -> Any:
    """The matrix of the equation, in double precision."""
    kept = (np.tril if lower else np.triu)(a.astype(np.float64))
    return kept.swapaxes(-1, -2) if adjoint else kept


# ---- triangular solves ----------------------------------------------------------------------------------------


def assert_solved(a: Any, x: Any, b: Any) -> None:
    """Checks the bound of each element of the residual of a substitution (Higham, Accuracy and Stability, 8.5)."""
    bound = (a.shape[-1] + 1) * np.finfo(x.dtype).eps * np.abs(a) @ np.abs(x.astype(np.float64))
    assert np.all(np.abs(b - a @ x.astype(np.float64)) <= bound + 1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("lower", "adjoint"), VARIANTS)
def test_residual_of_badly_conditioned_triangles_is_that_of_substitution(
    dtype: str, lower: bool, adjoint: bool
) -> None:
    rng = np.random.default_rng(0)
    a = np.zeros((0, 0))
    for side, columns in zip((*SIDES, 60), COLUMNS, strict=True):
        a, b = (
            rng.standard_normal((side, side)).astype(dtype),
            rng.standard_normal((side, columns)).astype(dtype),
        )
        found = compiled(solver(lower, adjoint), a, b)(a, b)
        assert_solved(triangle(a, lower, adjoint), found, b)
    assert np.linalg.cond(triangle(a, lower, adjoint)) > 1e10


@pytest.mark.parametrize(("lower", "adjoint"), VARIANTS)
def test_batches_broadcast(lower: bool, adjoint: bool) -> None:
    rng = np.random.default_rng(1)
    for of_a, of_b in [((), (3,)), ((2,), ()), ((2, 1), (3,)), ((1, 3), (2, 1)), ((0,), ()), ((0, 1), (3,))]:
        a = rng.standard_normal((*of_a, 5, 5)) + 3 * np.eye(5)
        b = rng.standard_normal((*of_b, 5, 4))
        expected = np.linalg.solve(triangle(a, lower, adjoint), b)
        np.testing.assert_allclose(
            compiled(solver(lower, adjoint), a, b)(a, b), expected, rtol=1e-10, strict=True
        )


@pytest.mark.parametrize("shapes", [((0, 0), (0, 3)), ((3, 3), (3, 0)), ((2, 0, 0), (0, 0))])
def test_nothing_to_solve(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = map(np.ones, shapes)
    expected = np.linalg.solve(np.tril(a), b)
    np.testing.assert_array_equal(compiled(pb.triangular_solve, a, b)(a, b), expected, strict=True)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize(("lower", "adjoint"), VARIANTS)
def test_zeros_on_the_diagonal_raise_and_the_other_triangle_is_not_read(
    target: str, lower: bool, adjoint: bool
) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((3, 9, 9)) + 3 * np.eye(9), rng.standard_normal((9, 2))
    step = compiled(solver(lower, adjoint), a, b, target=target)
    fine = step(a, b)
    beside = np.where(np.tri(9, dtype=bool) if lower else np.tri(9, dtype=bool).T, a, np.nan)
    np.testing.assert_array_equal(step(beside, b), fine)
    for at in range(9):
        singular = beside.copy()
        singular[1, at, at] = -0.0
        with pytest.raises(EvaluationError, match="Singular matrix"):
            step(singular, b)
    np.testing.assert_array_equal(step(a, b), fine)


def test_nan_reaches_what_depends_on_it() -> None:
    a, b = np.tri(20, dtype=np.float32), np.ones((20, 3), np.float32)
    a[7, 3] = np.nan
    found = compiled(pb.triangular_solve, a, b)(a, b)
    assert np.all(np.isfinite(found[:7])) and np.all(np.isnan(found[7:]))


def test_bits_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(3)
    a = rng.standard_normal((2, 120, 120)).astype(np.float32) / 120 + np.eye(120, dtype=np.float32)
    b = rng.standard_normal((2, 120, 143)).astype(np.float32)
    found = set[bytes]()
    for threads in (1, 2, 5):
        pb.set_num_threads(threads)
        found.add(compiled(pb.triangular_solve, a, b)(a, b).tobytes())
    assert len(found) == 1


def test_equal_operations_share_a_function() -> None:
    a, b = np.eye(4, dtype=np.float32), np.ones((4, 2), np.float32)

    def three(x: Any, y: Any) -> Any:
        once = pb.triangular_solve(x, y)
        return pb.triangular_solve(x, pb.triangular_solve(x, once), adjoint=True)

    step = compiled(three, a, b)
    np.testing.assert_array_equal(step(a, b), b)
    text = step.ir("loops")
    assert text.count("func.func private @main_triangular_solve") == 2
    assert text.count("call @main_triangular_solve") == 3 and text.count("call @main_host") == 3


@pytest.mark.parametrize("dtype", ["float16", "complex64"])
def test_the_host_solves_in_other_dtypes(dtype: str) -> None:
    a, b = 2 * np.eye(3, dtype=dtype), np.ones((3, 2), dtype)
    step = compiled(pb.triangular_solve, a, b)
    np.testing.assert_array_equal(step(a, b), b / 2)
    assert "@main_triangular_solve" not in step.ir("loops")


# ---- solves and inverses --------------------------------------------------------------------------------------


def backward_error(a: Any, x: Any, b: Any) -> Any:
    """What is left of an equation, by what a perturbation of its terms by one unit would leave."""
    wide, found = a.astype(np.float64), x.astype(np.float64)
    scale = np.max(np.abs(wide) @ np.abs(found), initial=1e-300) * np.finfo(x.dtype).eps
    return np.max(np.abs(wide @ found - b), initial=0) / scale


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("adjoint", [False, True])
def test_solutions_are_as_good_as_those_of_lapack(dtype: str, adjoint: bool) -> None:
    rng = np.random.default_rng(4)
    for side, columns in zip((*SIDES, 13), COLUMNS, strict=True):
        a, b = (rng.standard_normal((side, n)).astype(dtype) for n in (side, columns))
        step = compiled(lambda x, y: pb.solve(x, y, adjoint=adjoint), a, b)
        kept = a.copy()
        found, system = step(a, b), a.T if adjoint else a
        np.testing.assert_array_equal(a, kept)
        assert backward_error(system, found, b) <= 4 + 4 * backward_error(
            system, np.linalg.solve(system, b), b
        )
        assert step.ir("loops").count("call @main_matrix_solve") == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inverses_are_as_good_as_those_of_lapack(dtype: str) -> None:
    rng = np.random.default_rng(5)
    for side in (*SIDES, 67):
        a = rng.standard_normal((2, side, side)).astype(dtype)
        found, identity = compiled(pb.inv, a)(a), np.eye(side)
        for matrix, inverse in zip(a, found, strict=True):
            expected = np.linalg.inv(matrix)
            assert backward_error(matrix, inverse, identity) <= 4 + 4 * backward_error(
                matrix, expected, identity
            )


def test_pivots_are_found_wherever_they_are() -> None:
    """Each row has one large element: no order of columns but one has pivots that are not tiny."""
    rng = np.random.default_rng(6)
    for side in (2, 5, 17, 40):
        places = np.eye(side)[rng.permutation(side)]
        a = places * rng.uniform(1, 2, side) + 1e-9 * rng.standard_normal((side, side))
        np.testing.assert_allclose(compiled(pb.inv, a)(a) @ a, np.eye(side), atol=1e-13)


@pytest.mark.parametrize("batches", [((), (3,)), ((2,), ()), ((2, 1), (3,)), ((0,), ()), ((0, 1), (3,))])
def test_batches_of_general_solves_broadcast(batches: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(7)
    a, b = rng.standard_normal((*batches[0], 9, 9)), rng.standard_normal((*batches[1], 9, 4))
    np.testing.assert_allclose(compiled(pb.solve, a, b)(a, b), np.linalg.solve(a, b), rtol=1e-9, strict=True)


@pytest.mark.parametrize("shapes", [((0, 0), (0, 3)), ((3, 3), (3, 0)), ((2, 0, 0), (0, 0))])
def test_nothing_to_solve_in_general(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = np.eye(shapes[0][-1]) + np.zeros(shapes[0]), np.ones(shapes[1])
    np.testing.assert_array_equal(compiled(pb.solve, a, b)(a, b), np.linalg.solve(a, b), strict=True)
    np.testing.assert_array_equal(compiled(pb.inv, a)(a), a, strict=True)


@pytest.mark.parametrize("side", [1, 2, 3, 9, 20])
def test_what_is_singular_for_lapack_raises(side: int) -> None:
    rng = np.random.default_rng(8)
    singular = np.arange(side, dtype=np.float64)[:, None] * np.arange(1, side + 1) + (side > 2)
    zeros, fine = np.zeros((side, side)), rng.standard_normal((side, side)) + 5 * np.eye(side)
    equal = fine.copy()
    equal[-1] = equal[0] if side > 1 else 0
    step = compiled(pb.inv, fine)
    for a in (singular, zeros, equal):
        try:
            expected = np.linalg.inv(a)
        except np.linalg.LinAlgError:
            with pytest.raises(EvaluationError, match="Singular matrix"):
                step(a)
        else:
            np.testing.assert_array_equal(step(a), expected)
    np.testing.assert_allclose(step(fine) @ fine, np.eye(side), atol=1e-12)


def test_what_is_not_finite_is_as_the_host_finds_it() -> None:
    for value in (np.nan, np.inf):
        a = np.eye(9) + 1.0
        a[4, 2] = value
        with np.errstate(all="ignore"):
            expected = np.linalg.inv(a)
        np.testing.assert_array_equal(compiled(pb.inv, a)(a), expected)


def test_large_matrices_are_those_of_the_host() -> None:
    a = np.eye(1100, dtype=np.float32)
    step = compiled(pb.inv, a)
    np.testing.assert_array_equal(step(a), a)
    assert "@main_matrix_inverse" not in step.ir("loops")


def test_equal_sizes_share_the_elimination() -> None:
    a, b = 2 * np.eye(5), np.ones((5, 2))
    step = compiled(lambda x, y: pb.solve(x, pb.inv(x) @ pb.solve(x, y, adjoint=True)), a, b)
    np.testing.assert_array_equal(step(a, b), b / 8)
    assert step.ir("loops").count("func.func private @factors_5x5xf64") == 1


def test_the_loops_are_upstream_text_that_the_interpreter_runs() -> None:
    rng = np.random.default_rng(9)
    a, b = rng.standard_normal((11, 11)) + 4 * np.eye(11), rng.standard_normal((11, 3))
    step = compiled(lambda x, y: pb.triangular_solve(x, pb.solve(x, y)), a, b)
    module = parse(context(), step.ir("loops")).module
    arena = next(op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main").args[
        -1
    ]
    assert isinstance(arena.type, MemRefType)
    found = np.zeros_like(b)
    interpret(module, [a, b, found, np.zeros(arena.type.get_shape(), np.int8)], undefined=(2, 3))
    np.testing.assert_allclose(found, step(a, b), rtol=1e-11)
    with pytest.raises(EvaluationError, match="Singular matrix"):
        interpret(module, [0 * a, b, found, np.zeros(arena.type.get_shape(), np.int8)], undefined=(2, 3))


# ---- Cholesky factors -----------------------------------------------------------------------------------------


def definite(rng: np.random.Generator, *shape: int, least: float = 1e-4) -> Any:
    a = rng.standard_normal(shape)
    return a @ a.swapaxes(-1, -2) / shape[-1] + least * np.eye(shape[-1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cholesky_factors_are_as_good_as_those_of_lapack(dtype: str) -> None:
    rng = np.random.default_rng(10)
    for shape in [*((2, side, side) for side in (*SIDES, 15, 33)), (2, 1, 67, 67)]:
        a = definite(rng, *shape).astype(dtype)
        beside = np.where(np.tri(shape[-1], dtype=bool), a, np.nan).astype(dtype)  # that is not read
        step = compiled(pb.cholesky, a)
        found, expected = step(beside), np.linalg.cholesky(a)
        assert found.dtype == a.dtype and np.all(np.triu(found, 1) == 0) and np.all(np.isfinite(found))
        for factor, other, matrix in zip(
            *(x.reshape(-1, *shape[-2:]) for x in (found, expected, a)), strict=True
        ):
            assert backward_error(factor, factor.T, matrix) <= 4 + 2 * backward_error(other, other.T, matrix)
        assert step.ir("loops").count("call @main_cholesky") == 1


@pytest.mark.parametrize("side", [1, 3, 8, 9, 21])
def test_what_is_not_positive_definite_raises(side: int) -> None:
    a = np.stack([definite(np.random.default_rng(side), side, side, least=1.0) for _ in range(2)])
    step = compiled(pb.cholesky, a)
    fine = step(a)
    for at in range(side):
        for value in (-1.0, 0.0):
            wrong = a.copy()
            wrong[1, at, at] = value
            with pytest.raises(EvaluationError, match="not positive definite"):
                step(wrong)
    np.testing.assert_array_equal(step(a), fine)


def test_cholesky_of_nothing() -> None:
    for shape in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        a = np.ones(shape)
        np.testing.assert_array_equal(compiled(pb.cholesky, a)(a), a, strict=True)


# ---- registers of other machines ------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [64, 128, 256, 1024])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_may_have_any_width(dtype: str, bits: int) -> None:
    rng = np.random.default_rng(15)
    for side, columns in ((1, 1), (5, 3), (16, 16), (19, 37)):
        a = (definite(rng, side, side) + np.eye(side)).astype(dtype)
        b = rng.standard_normal((side, columns)).astype(dtype)

        def every(x: Any, y: Any) -> Any:
            lower = pb.cholesky(x)
            solved = pb.triangular_solve(lower, y), pb.triangular_solve(lower, y, adjoint=True)
            return (lower, *solved, pb.solve(x, y), pb.inv(x), *pb.slogdet(x), *pb.qr(x))

        step = compiled(every, a, b)
        expected = step(a, b)
        module = parse(context(), step.ir("kernels")).module
        LowerToLoops(vector_bits=bits).apply(context(), module)
        main = next(op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
        buffers = [a, b, *map(np.zeros_like, expected)]
        for argument in main.args[len(buffers) :]:
            assert isinstance(argument.type, MemRefType)
            buffers.append(np.zeros(argument.type.get_shape(), np.int8))
        compile_module(module)(*buffers)
        for found, other in zip(buffers[2:], expected, strict=False):
            np.testing.assert_allclose(found, other, atol=2e4 * float(np.finfo(dtype).eps))
