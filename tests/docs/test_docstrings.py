"""The examples in docstrings. Modules come by name: by path, every class in them would load twice."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import pullback

MODULES = [module.name for module in pkgutil.walk_packages(pullback.__path__, "pullback.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(import_module(name), optionflags=options).failed == 0
