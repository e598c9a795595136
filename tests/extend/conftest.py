"""Plug-ins of these tests: installed in a folder of their own, for one test or in a process of its own."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pullback.driver.plugins import discovery, registration
from pullback.process.registries import REGISTRIES
from pullback.tests.extend.distributions import SITE, Install, Processes


def remove_added() -> None:
    """Takes back all that did not come with Pullback."""
    for registry in REGISTRIES:
        for name in registry.added:
            registry.remove(name)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes the distributions in a folder the ones that are installed, until the test is over."""
    modules = {*sys.modules}
    of_others = [
        (registry, {**registry.added}) for registry in REGISTRIES
    ]  # test modules define it at import
    remove_added()
    folders: list[str] = []
    monkeypatch.setattr(discovery, "_found", None)
    monkeypatch.setattr(discovery, "_done", set())
    monkeypatch.setattr(discovery, "_is_complete", False)
    monkeypatch.setattr(registration, "_PLUGINS", {})

    def add(folder: Path) -> None:
        monkeypatch.syspath_prepend(str(folder))
        folders.append(str(folder))

    yield add
    for plugin in registration.plugins():
        registration.unregister(plugin.name)
    remove_added()
    for registry, definitions in of_others:
        for name, definition in definitions.items():
            registry.add(name, definition)
    for name in {*sys.modules} - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(tuple(folders)):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def cubes(install: Install) -> None:
    """The distribution `cubes` is installed, and nothing of it is loaded."""
    install(SITE)


@pytest.fixture
def process() -> Processes:
    """Runs Python in a process of its own, in which the distributions of a folder are installed."""

    def run(*arguments: str, folder: Path = SITE, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1"},
        )

    return run
