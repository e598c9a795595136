"""Faults planted in pointwise kernels by vectors, and in those with staged inputs: every one is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import Subject, finds, in_text, subject_of_graph
from pullback.tests.gpu.points import Points, transposed
from pullback.tests.gpu.test_vectors import broadcast, flat

pytestmark = pytest.mark.compiler


def subject_of(points: Points) -> Subject:
    """The kernel, on numbers that differ from each other; NaN would hide which one was taken."""
    arrays = [array.copy() for array in points.arrays()]
    for number, array in enumerate(arrays):
        array.flat[:] = [(7 * i + 3 * number) % 1009 + 1 for i in range(array.size)]
    return subject_of_graph(points.text, *arrays)


@cache
def vectors() -> Subject:
    """Full vectors, and three elements that are left."""
    return subject_of(flat(603, "f32", 4))


@cache
def rows_of_vectors() -> Subject:
    """Vectors beside what is the same in all of them."""
    return subject_of(broadcast(9, 12, 4))


@cache
def staged() -> Subject:
    """A point for each thread, and tiles that reach beyond the edges."""
    return subject_of(transposed(19, 37, "f32", "stage = [0]"))


@cache
def staged_by_steps() -> Subject:
    """Four points for each thread, of two inputs."""
    body = """
  %a = graph.transpose %0 {permutation = array<i64: 1, 0>} : (TYPE) -> TYPE
  %c = graph.transpose %1 {permutation = array<i64: 1, 0>} : (TYPE) -> TYPE
  %y = graph.subtract %a, %c : TYPE"""
    return subject_of(Points(["37x37xf32"] * 2, body, "37x37xf32", "stage = [0, 1], tile = [32, 32]"))


KERNELS = [vectors, rows_of_vectors, staged, staged_by_steps]
every_kernel = pytest.mark.parametrize("subject", KERNELS, ids=lambda build: build.__name__)
ACCESSES = ("memref.load", "memref.store", "vector.load", "vector.store")


def each(subject: Subject, op: str, fault: Callable[[int], faults.Fault]) -> None:
    """Plants a fault at each op of a name."""
    for number in range(subject.count(op)):
        finds(subject, fault(number))


@every_kernel
@pytest.mark.parametrize("op", ACCESSES)
def test_each_index_is_needed(subject: Callable[[], Subject], op: str) -> None:
    """One off is another element, out of bounds, or no multiple of a vector's length."""
    each(subject(), op, lambda n: faults.index_off(op, n))


@every_kernel
@pytest.mark.parametrize("op", ["memref.store", "vector.store"])
def test_each_store_is_needed(subject: Callable[[], Subject], op: str) -> None:
    each(subject(), op, lambda n: faults.remove(op, n))


@every_kernel
def test_each_mask_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject(), "arith.cmpi", faults.unmasked)
    each(subject(), "scf.if", faults.always)


@pytest.mark.parametrize("subject", [staged, staged_by_steps], ids=lambda build: build.__name__)
def test_the_barrier_is_needed(subject: Callable[[], Subject]) -> None:
    assert subject().count("gpu.barrier") == 1
    for fault in (faults.remove, faults.in_a_branch, faults.swapped):
        assert finds(subject(), fault("gpu.barrier")).by == "simt"
    assert finds(subject(), in_text(r"__syncthreads\(\);", "")).by.startswith("fibers")


def test_a_vector_begins_at_a_multiple_of_its_length() -> None:
    found = finds(vectors(), faults.index_off("vector.load", 0, 2))
    assert "no multiple of 4" in found.how


def test_what_is_stored_before_all_is_loaded() -> None:
    """A result in the place of an input that is read across it: other threads find what was stored there."""
    for subject in (staged, staged_by_steps):
        finds(subject(), faults.same_argument(subject().count("memref.get_global"), 0))
    finds(rows_of_vectors(), faults.same_argument(4, 1))


def test_the_tail_begins_where_the_vectors_end() -> None:
    finds(vectors(), in_text(r"number \+ 450", "number + 447"))
