"""Faults planted in scatter kernels: in the order of rows, in chunks and their partial sums, in masks and indices."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from xdsl.ir import Operation

from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import Subject, finds, in_text, subject_of_graph
from pullback.tests.gpu.test_scatter import Case

pytestmark = pytest.mark.compiler

LENGTHS = (1, 3, 8, 2, 30, 1, 5, 9, 1, 16, 4, 1, 1, 7, 2, 40, 3)
"""How many rows each index has, from -1 on: within a chunk of 8 rows, a whole one, several."""


def subject(op: str, tuning: str) -> Subject:
    case = Case(sum(LENGTHS), len(LENGTHS) - 1, (3,), op=op, tuning=tuning)
    base, rows, indices = case.inputs()
    indices[:] = np.random.default_rng(0).permutation(np.repeat(np.arange(len(LENGTHS)) - 1, LENGTHS))
    return subject_of_graph(str(case.module), base + 100, rows, indices)


@cache
def in_order() -> Subject:
    return subject("add", "method = in_order, threads = 32")


@cache
def added() -> Subject:
    return subject("add", "method = sorted, threads = 32, chunk = 8")


@cache
def replaced() -> Subject:
    return subject("replace", "method = sorted, threads = 32")


every_method = pytest.mark.parametrize("build", [in_order, added, replaced], ids=lambda build: build.__name__)


FAULTS = {"remove": faults.remove, "index_off": faults.index_off}
STORES: dict[Callable[[], Subject], int] = {in_order: 2, added: 21, replaced: 6}
"""The stores of each: the first one copies the base."""


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("build", "number"),
    [
        pytest.param(build, number, id=f"{build.__name__}-{number}")
        for build, n in STORES.items()
        for number in range(1, n)
    ],
)
@pytest.mark.matrix(8)
def test_each_store_is_needed_where_it_is(build: Callable[[], Subject], number: int, fault: str) -> None:
    assert build().count("memref.store") == STORES[build]
    finds(build(), FAULTS[fault]("memref.store", number))


@pytest.mark.parametrize("build", [in_order, replaced], ids=lambda build: build.__name__)
def test_each_element_is_loaded_from_where_it_is(build: Callable[[], Subject]) -> None:
    for number in range(build().count("memref.load")):
        finds(build(), faults.index_off("memref.load", number))


@every_method
def test_each_branch_is_needed(build: Callable[[], Subject]) -> None:
    for number in range(build().count("scf.if")):
        finds(build(), faults.always(number))


@pytest.mark.parametrize("build", [added, replaced], ids=lambda build: build.__name__)
def test_the_barrier_between_keys_and_their_places(build: Callable[[], Subject]) -> None:
    for fault in (faults.remove, faults.swapped, faults.in_a_branch):
        assert finds(build(), fault("gpu.barrier", 0)).by == "simt"


def launches(module: Operation) -> list[Operation]:
    return [op for op in module.walk() if op.name == "gpu.launch_func"]


@pytest.mark.parametrize("number", range(6))
def test_each_kernel_is_needed(number: int) -> None:
    finds(added(), lambda module: launches(module)[number].detach())


def test_a_kernel_that_reads_before_another_writes() -> None:
    def change(module: Operation) -> None:
        order, merge = launches(module)[1:3]
        order.detach()
        block = merge.parent
        assert block is not None
        block.insert_op_after(order, merge)

    assert "reads memory that was never written" in finds(added(), change).how


def test_merging_into_the_keys_that_are_merged() -> None:
    finds(added(), faults.same_argument(written=1, read=0, launch=2))


WRONG: dict[str, tuple[Callable[[], Subject], str, str]] = {
    "a place beside": (added, r"more = probe \+ 1", "more = probe"),
    "a step of the bisection that is too short": (added, r"(probe_1 = \w+) \+ 3;", r"\1 + 2;"),
    "keys in descending order": (replaced, r"= other < ", "= other > "),
    "keys that are equal": (replaced, r"= \(unsigned\)product \+ \w+;", "= product;"),
    "any row of an index replaces": (replaced, r"= either && ", "= "),
    "sums that begin at 1": (added, r"float total = -0\.0f", "float total = 1.0f"),
    "sums that go on to the next index": (added, r"\? -0\.0f : sum", "? sum : sum"),
    "a chunk that ends a row early": (added, r"beyond = begin \+ 8", "beyond = begin + 7"),
    "a first sum that is lost": (added, r"\w+ \? sum : first", "true ? last : first"),
    "a last sum that is lost": (added, r"\w+ \? sum : last", "true ? last : last"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_text(name: str) -> None:
    build, pattern, replacement = WRONG[name]
    finds(build(), in_text(pattern, replacement))
