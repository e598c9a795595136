"""Names that TensorFlow allows, such as "0", "1x1_conv" or "a/", were refused too late, with the graph changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.tensor.location import name_of, name_of_value
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.frontend.functions import elementwise
from pullback.tools.array_arguments import save
from pullback.tools.files import FileError

NAMES = [
    "0",
    "1",
    "1x1_conv",
    "block/0",
    "a/",
    "a//b",
    ".",
    "..",
    ".hidden",
    "x-y.z",
    "a>b",
    "A_1",
    "a_b_",
    "7/",
    "$"[:0] + "f",
]
REFUSED: list[Any] = [
    "",
    "a b",
    "a\n",
    "ä",
    "_a",
    "-a",
    ">a",
    "/a",
    "a%b",
    "a:0",
    'a"b',
    "a\\b",
    "$",
    3,
    b"a",
    ["a"],
]


def reread(graph: pb.Graph) -> Any:
    return next(iter(parse(context(), print_module(graph.module)).module.ops))


@pytest.mark.parametrize("name", NAMES)
def test_what_tensorflow_allows_is_a_name_and_comes_back_from_text(name: str) -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (2,), name=name)
    assert x.name == name
    assert [name_of_value(a) for a in reread(g).body.block.args] == [name]
    with pb.Graph() as g:
        v = pb.Variable([1.0, 2.0], name=name)
        assert v.name == name
        (again,) = [op for op in reread(g).body.block.ops if op.results]
        assert (name_of(again), again.properties["variable"].data) == (name, name)
    with pb.Graph() as g:
        y = pb.tanh(pb.ones((2,)), name=name)
        assert y.name == name
        assert name in [name_of(op) for op in reread(g).body.block.ops]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_regex(r"[A-Za-z0-9.][A-Za-z0-9_.\-/>]*", fullmatch=True), min_size=1, max_size=4))
@example([".0"])
@example(["a_1_2"])
def test_any_names_come_back_with_their_gradients(names: list[str]) -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (2,), name=names[0])
        y: Any = x
        for name in names:
            y = pb.tanh(y, name=name) * pb.Variable(1.0, name=name)
        pb.gradients(y, x, name=names[-1])
    text = print_module(g.module)
    module = parse(context(), text).module
    found = [name_of(op) for op in module.walk() if op.results]
    assert found == [name_of(op) for op in g.body.walk() if op.results]
    assert print_module(module) == text
    assert y.name in found and len(set(g.variables)) == len(names)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_steps_are_compiled_whatever_the_names(target: str) -> None:
    with pb.Graph():
        xs = [pb.placeholder("f32", (2,), name=name) for name in NAMES]
        v = pb.Variable(np.ones(2, np.float32), name="0/")
        total = v.assign_add(pb.add_n([pb.tanh(x, name=f"{x.name.rstrip('/')}>t") for x in xs]))
        step = pb.compile(xs, [total, v], target)
    one = np.ones(2, np.float32)
    np.testing.assert_allclose(step(*[one] * len(xs))[1], 1 + len(xs) * np.tanh(one), rtol=1e-5)
    assert [p.name for p in step.parameters] == [x.name for x in xs]
    assert all(step.ir(level) for level in ("kernels", "loops", "llvm", "gpu", "cuda"))


def test_scopes_may_begin_with_what_names_may_not_where_one_is_around() -> None:
    with pb.Graph(), pb.name_scope("outer") as outer:
        assert outer == "outer/"
        for name in ("_a", "-b", ">c", "/d", "0"):
            with pb.name_scope(name) as scope:
                assert scope == f"outer/{name}/"
                assert pb.tanh(1.0, name="_t").name == f"outer/{name}/_t"
                with pb.name_scope("outer/"):
                    assert pb.placeholder("f32", (), name=f"{name}p").name == f"outer/{name}p"
        with pb.name_scope("/") as scope:
            assert scope == ""


def test_a_slash_at_the_end_and_no_name_keep_their_meaning_for_scopes() -> None:
    with pb.Graph():
        with pb.name_scope("1st") as scope:
            first = pb.tanh(1.0)
            with pb.name_scope(""):
                assert pb.tanh(1.0, name="root").name == "root"
        with pb.name_scope(scope):
            assert pb.tanh(1.0).name == "1st/tanh_1"
        assert first.name == "1st/tanh"
        x = pb.placeholder("f32", (), name="7/")
        (dx,) = pb.gradients(pb.square(x, name="1/"), x, name="2nd/")
        assert dx.name.startswith("2nd/")
        with pb.name_scope("in"):
            (dx,) = pb.gradients(pb.square(x), x, name="_g")
            assert dx.name.startswith("in/_g/")


def test_keys_of_nests_may_be_any_strings() -> None:
    keys = ["0", "a b", "ä", "", "a'b", 'a"b', "a\\b", "\n", "_x", "👍", "a/b", "a]['b"]
    seen: list[str] = []

    @pb.function(target="numpy")
    def total(data: dict[str, Any], **options: Any) -> Any:
        seen.extend(x.name for x in data.values())
        return {key: 2.0 * x for key, x in {**data, **options}.items()}

    data = {key: float(i) for i, key in enumerate(keys)}
    found = total(data, größe=1.0)
    assert {k: float(v) for k, v in found.items()} == {k: 2 * v for k, v in {**data, "größe": 1.0}.items()}
    assert len(set(seen)) == len(keys)
    graph = total.graph(data, größe=1.0)
    assert [name_of_value(a) for a in reread(graph).body.block.args] == [
        name_of_value(a) for a in graph.body.args
    ]
    gradient = pb.grad(lambda d: pb.add_n([x * x for x in d.values()]))(data)
    assert {k: float(v) for k, v in gradient.items()} == {k: 2 * v for k, v in data.items()}
    with pb.Graph():
        assert pb.run({key: pb.constant(1.0) for key in keys}).keys() == data.keys()


def acts(name: Any) -> dict[str, Callable[[pb.Tensor, pb.Variable], object]]:
    """The entry points of names, beside elementwise functions."""
    return {
        "placeholder": lambda x, v: pb.placeholder("f32", (), name=name),
        "variable": lambda x, v: pb.Variable(1.0, name=name),
        "constant": lambda x, v: pb.constant([1.0], name=name),
        "where": lambda x, v: pb.where(True, x, [1.0, 2.0], name=name),
        "sum": lambda x, v: pb.sum([1.0, 2.0], name=name),
        "concat": lambda x, v: pb.concat([x, [1.0]], 0, name=name),
        "stack": lambda x, v: pb.stack([x, [1.0, 2.0]], name=name),
        "softmax": lambda x, v: pb.softmax([1.0, 2.0], name=name),
        "reshape": lambda x, v: pb.reshape([1.0, 2.0], (2, 1), name=name),
        "a place": lambda x, v: pb.add(v, [1.0, 2.0], name),
        "rows": lambda x, v: v.sparse_read([0], name=name),
        "cond": lambda x, v: pb.cond(True, lambda: x, lambda: x, name=name),
        "while_loop": lambda x, v: pb.while_loop(lambda i: i < 3, lambda i: i + 1, [0], name=name),
        "gradients": lambda x, v: pb.gradients(x * 2.0 if name is None else x, x, name=name),
        "group": lambda x, v: pb.group(v, x, name=name),
        "tuple": lambda x, v: pb.tuple([v, x], name=name),
        "hessians": lambda x, v: pb.hessians(v, [v], name=name),
        "scope": lambda x, v: pb.name_scope(name).__enter__(),
        "optimizer": lambda x, v: pb.train.AdamOptimizer(name=name),
        "minimize": lambda x, v: pb.train.AdamOptimizer().minimize(MADE["loss"], name=name),
    }


MADE: dict[str, Any] = {}
EMPTY_MEANS_SOMETHING = {"cond", "while_loop", "gradients", "tuple", "hessians", "scope", "minimize"}


@pytest.mark.parametrize("entry", acts(None))
@pytest.mark.parametrize("name", REFUSED, ids=repr)
def test_anything_else_is_refused_before_the_graph_changes(name: Any, entry: str) -> None:
    if name == "" and entry in EMPTY_MEANS_SOMETHING:
        pytest.skip("no scope")
    with pb.Graph() as g:
        x, v = pb.placeholder("f32", (2,)), pb.Variable([1.0, 2.0])
        MADE["loss"] = pb.sum(v * x)
        before = str(g), dict(g.names._taken), list(g.variables)
        with pytest.raises(ValueError, match="is no name"):
            acts(name)[entry](x, v)
        assert (str(g), g.names._taken, list(g.variables)) == before


@pytest.mark.parametrize("function", elementwise.__all__)
def test_no_function_of_elements_converts_before_it_checks(function: str) -> None:
    act: Any = getattr(pb, function)
    operands = [[1.0]] * (len(inspect.signature(act).parameters) - 1)
    with pb.Graph() as g:
        before = str(g)
        with pytest.raises(ValueError, match="is no name"):
            act(*operands, name="no name")
        assert str(g) == before


def test_two_names_do_not_become_one_file(tmp_path: Path) -> None:
    one = np.ones(2)
    with pytest.raises(FileError, match=r"'a/b' and 'a\.b' would both be written to a\.b\.npy"):
        save(tmp_path / "out", {"a/b": one, "a.b": one})
    assert not (tmp_path / "out").exists()
