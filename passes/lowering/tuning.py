"""Tuning: a kernel's schedule with all parameters that a target's lowering reads.

`form-kernels` writes what `tuned` gives into the text, and lowerings ask it again: so a key that was removed by hand
has the value that it would have been given.
"""

from __future__ import annotations

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.passes.lowering.kernel_kind import Lowering
from pullback.passes.lowering.kinds import kind_of, resolved
from pullback.passes.lowering.space import schedule_of


def tuned(kernel: Kernel, target: str) -> Schedule:
    """The schedule of a kernel, with what it leaves open for a target, a key of `TARGETS`, chosen by shape."""
    entry = kind_of(kernel).targets[target]
    if not isinstance(entry, Lowering) or entry.tune is None:
        return schedule_of(kernel)
    return resolved(entry.tune)(kernel)
