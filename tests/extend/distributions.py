"""Distributions that tests install: folders with modules and the entry points of one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

SITE = Path(__file__).with_name("site")
"""A folder like `site-packages`, with one distribution: `cubes`."""

Install: TypeAlias = Callable[[Path], None]
Processes: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


def distribution(folder: Path, name: str, points: str, **modules: str) -> Path:
    """Writes a distribution of version 2.0 with these entry points and modules into a folder, and returns that."""
    info = folder / f"{name}-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(points)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return folder
