"""docs/names.md: Pullback's names beside those of TensorFlow 1, JAX and NumPy, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pullback.frontend.library_names.other_libraries import NOTES, OTHER, SAME
from pullback.tools.generate.array_api import ARGUMENTS, DIFFERS, IN_GENERAL, LEFT_OUT, VERSION
from pullback.tools.generate.python_reference import documented

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "TensorFlow 1": ("tf",),
    "JAX": ("jnp", "jax"),
    "NumPy": ("np",),
}
"""The libraries, and what their names begin with."""

HEADER = """# Names, for those who come from TensorFlow 1, JAX or NumPy

`jnp` is `jax.numpy`, `tf` is TensorFlow 1 or `tf.compat.v1`. This page is made by `python -m pullback.tools.generate`
from `frontend/library_names/other_libraries.py` and `tools/generate/array_api.py`; tests check the names and what is
said to differ.

- [From TensorFlow 1](#from-tensorflow-1), [from JAX](#from-jax), [from NumPy](#from-numpy): what is called otherwise
  there. What is not in these lists has the same last name here, `tf.nn.relu` as well as `jax.nn.relu`, or is not there.
- [From Pullback](#from-pullback): every public name, beside theirs.
- [The Array API](#the-array-api): what differs from the standard, and what is left out.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEADER, *map(_from_library, LIBRARIES), _from_pullback(), _array_api()])


def public() -> list[str]:
    """Every public name, as written after `pb.`."""
    return sorted(documented(), key=lambda name: (name.lower(), name))


@cache
def names_elsewhere(name: str) -> Sequence[str]:
    """The names of this in other libraries, those with the same name first."""
    last = name.rpartition(".")[2]
    places: dict[str, str] = {}
    for place, same in SAME.items():
        if last in same.split():
            places.setdefault(_library(place), f"{place}.{last}")
    return [*places.values(), *OTHER.get(name, "").split()]


def _library(place: str) -> str:
    first = place.partition(".")[0]
    return next(library for library, roots in LIBRARIES.items() if first in roots)


def _of_library(name: str, library: str) -> list[str]:
    return [other for other in names_elsewhere(name) if _library(other) == library]


def _note(name: str) -> str:
    return "; ".join(note for note in (NOTES.get(name), DIFFERS.get(name)) if note)


def _from_library(library: str) -> str:
    """The names under which nothing of that meaning is found here, in the order of theirs."""
    pairs: dict[str, list[str]] = {}
    for name in public():
        for other in _of_library(name, library):
            last = other.rpartition(".")[2]
            if last != name.rpartition(".")[2] and other not in names_elsewhere(last):
                pairs.setdefault(other, []).append(f"`pb.{name}`")
    rows = [(f"`{other}`", ", ".join(pairs[other])) for other in sorted(pairs, key=str.lower)]
    return f"## From {library}\n\n" + _table((library, "Pullback"), rows)


def _from_pullback() -> str:
    rows = [
        (f"`pb.{name}`", *(_listed(_of_library(name, library)) for library in LIBRARIES), _note(name))
        for name in public()
    ]
    return "## From Pullback\n\n" + _table(("Pullback", *LIBRARIES, "differs"), rows)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _array_api() -> str:
    general = "\n".join(f"- {sentence}" for sentence in IN_GENERAL)
    parts = [
        "## The Array API",
        f"Functions that share a name with the Array API standard {VERSION} do what it says: the tests compare them "
        "with `array-api-strict`. In general:",
        general,
        "What some of them do otherwise:",
        _table(("function", "differs"), _by_text(DIFFERS)),
        "Arguments that none has:",
        _table(("argument", "since"), _by_text(ARGUMENTS)),
        "Functions that are left out:",
        _table(("functions", "since"), _by_text(LEFT_OUT)),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _by_text(table: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The entries of a table, those with one text in one row."""
    texts: dict[str, list[str]] = {}
    for name, text in table.items():
        texts.setdefault(text, []).append(name)
    return ((_listed(names), text) for text, names in texts.items())


def _table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
