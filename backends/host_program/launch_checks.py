"""What a launch must keep to, whoever runs the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase
from xdsl.ir import Operation

from pullback.backends.host_program.host_program import Extent, stored_arguments
from pullback.backends.interpreter.execution_error import ExecutionError, symbol_of
from pullback.backends.interpreter.run_memory import Memory


def check_block_size(op: Operation, kernel: Operation, block: Extent) -> None:
    """Refuse blocks of another size than a `gpu.func` promises; `op` is the launch."""
    size = kernel.properties.get("known_block_size")
    if isinstance(size, DenseArrayBase) and block != (promised := tuple(size.get_values())):
        raise ExecutionError(op, f"@{symbol_of(kernel)} promises blocks of {promised} threads, got {block}")


def check_overlap(op: Operation, kernel: Operation, arguments: Sequence[object]) -> None:
    """Refuse arguments that share memory which the kernel writes to: they are `__restrict__` there."""
    parameters = kernel.regions[0].block.args
    for i in stored_arguments(kernel.regions[0].block):
        for j, other in enumerate(arguments):
            if i != j and _overlap(arguments[i], other):
                written, beside = (f"%{parameters[at].name_hint or at}" for at in (i, j))
                raise ExecutionError(
                    op, f"arguments {written} (written) and {beside} of @{symbol_of(kernel)} overlap"
                )


def _overlap(a: object, b: object) -> bool:
    return isinstance(a, Memory) and isinstance(b, Memory) and np.may_share_memory(a.data, b.data)
