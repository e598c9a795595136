"""The examples in docstrings. Modules come by name: by path, every class in them would load twice."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from importlib import import_module

import pytest

import pullback

MODULES = [module.name for module in pkgutil.walk_packages(pullback.__path__, "pullback.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    module = import_module(name)
    # To look through all objects of a module takes as long as its import.
    if ">>> " in inspect.getsource(module):
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.testmod(module, optionflags=options).failed == 0


def test_there_are_examples() -> None:
    assert any(">>> " in inspect.getsource(import_module(name)) for name in MODULES)
