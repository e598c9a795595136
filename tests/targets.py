"""The targets that come with Pullback, as the registry has them: what is tested on each is written once."""

from __future__ import annotations

from pullback.driver.targets.registry import TARGETS

NAMES = tuple(TARGETS.ours)
"""All of them. Cases of "fibers" are skipped where there is no C++ compiler (`conftest`)."""
COMPILED = tuple(name for name, target in TARGETS.ours.items() if target.passes)
"""Those that lower programs, and are compared with the evaluator."""
ON_GPUS = tuple(name for name, target in TARGETS.ours.items() if "gpu" in target.levels)
"""Those that run level `gpu`."""
COST = {"simt": 5, "fibers": 10}
"""How many times as long a random program takes there, roughly: an emulated thread, a run of a C++ compiler."""


def share(programs: int, target: str) -> int:
    """How many of so many random programs are run on a target."""
    return max(1, programs // COST.get(target, 1))
