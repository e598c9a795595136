"""The texts that are mutated: programs of folders, the examples of every operation, and what passes print of both."""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

from xdsl.utils.exceptions import DiagnosticException, ParseError

from pullback.dialects.context import context
from pullback.dialects.graph.examples import EXAMPLES, INSIDE_OTHERS, program
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes

_SEPARATOR = re.compile(r"^// -----[ \t]*$", re.MULTILINE)
LARGEST = 20_000
"""Characters of a text: mutants of longer ones teach little and take long."""
DOWN = (
    "",
    "gradients",
    "gradients,finish",
    "gradients,finish,kernels",
    "gradients,finish,kernels,loops",
    "gradients,finish,kernels,gpu",
    "kernels",
    "kernels,loops",
    "kernels,gpu",
)
"""Pipelines whose printed results are mutated, too."""


def programs(folders: Sequence[str]) -> list[str]:
    """The programs of the `*.mlir` files under folders, in the order of their names, and an example of each operation.

    Raises:
        OSError: a folder is not there.
    """
    found: list[str] = []
    for folder in folders:
        if not Path(folder).is_dir():
            raise NotADirectoryError(f"--corpus {folder}: no such folder")
        for path in sorted(Path(folder).rglob("*.mlir")):
            found += [text for text in _SEPARATOR.split(path.read_text()) if len(text) <= LARGEST]
    examples = [text for name, texts in EXAMPLES.items() if name not in INSIDE_OTHERS for text in texts]
    return found + [program(example) for example in examples]


def chosen(corpus: Sequence[str], seed: int, count: int) -> list[str]:
    """Some texts of a corpus, different ones for another seed.

    A text that is added or changed changes few choices, so that most cases stay what they were (rendezvous hashing).
    """

    def rank(text: str) -> bytes:
        return blake2b(_digest(text), key=str(seed).encode(), digest_size=8).digest()

    return heapq.nlargest(count, corpus, key=rank)


@cache
def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="replace"), digest_size=16).digest()


def at_some_level(text: str, rng: random.Random) -> str:
    """The program as it is, or what a random pipeline prints of it; as it is where the pipeline refuses it."""
    pipeline = rng.choice(DOWN)
    try:
        source = parse(context(), text)
        run_passes(context(), source.module, parse_passes(pipeline))
    except (ParseError, DiagnosticException, RecursionError):
        return text
    printed = print_module(source.module, locations=rng.random() < 0.2, generic=rng.random() < 0.1)
    return printed if len(printed) <= 3 * LARGEST else text
