"""The names of other libraries on docs/names.md exist there."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from pullback.frontend.library_names.other_libraries import NOTES, OTHER, SAME
from pullback.tools.generate.names import names_elsewhere, public

LATER = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="names of NumPy 2.1")


def test_only_public_names_are_explained() -> None:
    last = {name.rpartition(".")[2] for name in public()}
    assert OTHER.keys() | NOTES.keys() <= set(public())
    for names in SAME.values():
        assert set(names.split()) <= last


@LATER
def test_names_of_numpy() -> None:
    for name in public():
        for other in names_elsewhere(name):
            library, _, path = other.partition(".")
            if library == "np":
                operator.attrgetter(path)(np)  # an AttributeError names it


@LATER
def test_no_name_of_numpy_is_forgotten() -> None:
    there = {name for name in public() if callable(getattr(np, name, getattr(np.linalg, name, None)))}
    known = {name for name in public() if any(n.startswith("np.") for n in names_elsewhere(name))}
    assert there - known == {"cond", "identity"}  # a condition number, and `eye`
