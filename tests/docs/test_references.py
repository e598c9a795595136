"""Generated pages are up to date with the classes and docstrings that they are made from."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pullback
from pullback.dialects.graph import OPS
from pullback.frontend import functions
from pullback.tools.generate import operations
from pullback.tools.generate import python_reference as python
from pullback.tools.generate.__main__ import stale


def test_what_is_generated_is_up_to_date() -> None:
    assert not stale(), "run: python -m pullback.tools.generate"


def test_every_operation_is_there_once() -> None:
    headings = [line for line in operations.reference().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(f"### `{name}`" for name in OPS)


def test_every_public_name_is_there() -> None:
    training = {f"train.{name}" for name in pullback.train.__all__}
    assert python.documented() == set(pullback.__all__) - {"train"} | training


def test_each_function_of_a_module_is_public_once() -> None:
    modules = [import_module(f"{functions.__name__}.{m.name}") for m in iter_modules(functions.__path__)]
    names = [name for module in modules for name in getattr(module, "__all__", ())]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if name not in pullback.__all__] == []


def test_constraints_are_read_from_verifiers() -> None:
    found = operations.constraints(OPS["graph.matmul"])
    assert found["inner_c1"] == "inner extents … and … differ"
    assert found["dtype_c1"] == "needs a numeric dtype"
    assert set(operations.constraints(OPS["graph.while"])) == {"while_c1", "while_c2", "while_c3"}
