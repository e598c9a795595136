"""A folder of a test's own for native programs that are kept, which other tests do without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pullback.backends.object_cache.program_cache import PROGRAMS, ProgramCache
from pullback.driver.targets import native_key


class KeptPrograms:
    """The folder, and what was found in it since the test began."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def files(self) -> list[Path]:
        """The files of programs."""
        return sorted(self.folder.glob("*.program"))

    @property
    def found(self) -> tuple[int, dict[str, int]]:
        """How many programs were found, and how many were not by the reason, since this was last asked."""
        counted = PROGRAMS.hits, dict(PROGRAMS.misses)
        _reset()
        return counted


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptPrograms]:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(native_key, "own_digest", lambda: "ours")  # somebody may edit them meanwhile
    before = replace(PROGRAMS)
    _reset()
    yield KeptPrograms(tmp_path / "kept")
    vars(PROGRAMS).update(vars(before))


def _reset() -> None:
    vars(PROGRAMS).update(vars(ProgramCache()))
