"""The targets that come with Pullback, as the registry has them: what is tested on each is written once."""

from __future__ import annotations

import os

from pullback.driver.targets.registry import TARGETS

EXPECT_GPU = "PULLBACK_EXPECT_GPU"
"""The environment variable that says that there is a device: what is tested on each target is tested there, too."""
NAMES = tuple(name for name in TARGETS.ours if name != "cuda" or os.environ.get(EXPECT_GPU))
"""All of them. Cases of "fibers" are skipped where there is no C++ compiler (`conftest`)."""
COMPILED = tuple(name for name in NAMES if TARGETS[name].passes)
"""Those that lower programs, and are compared with the evaluator."""
ON_GPUS = tuple(name for name in NAMES if "gpu" in TARGETS[name].levels)
"""Those that run level `gpu`."""
COST = {"simt": 5, "fibers": 10}
"""How many times as long a random program takes there, roughly: an emulated thread, a run of a C++ compiler."""


def share(programs: int, target: str) -> int:
    """How many of so many random programs are run on a target."""
    return max(1, programs // COST.get(target, 1))
