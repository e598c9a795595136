"""What is known of an attribute is asked once for each object, and never of another one in its place."""

from __future__ import annotations

import gc
import weakref

import pytest
from xdsl.dialects.builtin import StringAttr

from pullback.dialects.ir import by_identity as module
from pullback.dialects.ir.by_identity import by_identity


def test_it_is_asked_once_for_each_object() -> None:
    asked: list[StringAttr] = []

    @by_identity
    def length(attribute: StringAttr) -> int:
        asked.append(attribute)
        return len(attribute.data)

    first, equal = StringAttr("abc"), StringAttr("abc")
    assert [length(a) for a in (first, equal, first, equal)] == [3, 3, 3, 3]
    assert len(asked) == 2
    assert asked[0] is first
    assert asked[1] is equal


def test_what_is_known_is_of_the_object_that_is_asked_about() -> None:
    @by_identity
    def text(attribute: StringAttr) -> str:
        return attribute.data

    assert [text(StringAttr(str(n))) for n in range(1000)] == [str(n) for n in range(1000)]


def test_an_error_is_not_remembered() -> None:
    calls: list[StringAttr] = []

    @by_identity
    def refuse(attribute: StringAttr) -> None:
        calls.append(attribute)
        raise ValueError(attribute.data)

    attribute = StringAttr("x")
    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            refuse(attribute)
    assert len(calls) == 2


def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 10)

    @by_identity
    def text(attribute: StringAttr) -> str:
        return attribute.data

    made = [StringAttr(str(n)) for n in range(100)]
    alive = [weakref.ref(attribute) for attribute in made]
    assert list(map(text, made)) == [str(n) for n in range(100)]
    del made
    gc.collect()
    assert sum(reference() is not None for reference in alive) <= 11
