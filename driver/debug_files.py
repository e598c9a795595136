"""The files of a program with debug lines: its text at level `kernels`, and a library whose lines point there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.driver.run_pipeline import checks_of, lowered_to
from pullback.driver.target_pipeline import ON_TENSORS, lowered_for
from pullback.driver.targets.target import Executor, Target
from pullback.passes.pipeline.snapshot_op_locations import SnapshotOpLocations

_numbers = count()


class DebugFiles:
    """A folder that holds the text, the LLVM IR and the library of each compilation of a program.

    Args:
        folder: its path, which is made if nothing is there; True for a new one among the temporary files. It stays.
    """

    def __init__(self, folder: str | os.PathLike[str] | bool) -> None:
        if isinstance(folder, bool):
            self.folder = Path(tempfile.mkdtemp(prefix="pullback-debug-"))
        else:
            self.folder = Path(folder).absolute()
            self.folder.mkdir(parents=True, exist_ok=True)

    def executor(self, graph: ModuleOp, target: Target, passes: Sequence[ModulePass] = ()) -> Executor:
        """Compiles a finished graph of static shapes, with lines that point to its kernels.

        Where the passes of a user end below level `kernels`, lines point to what they end with.
        """
        assert target.debug_executor is not None
        ends_below = any(level not in ON_TENSORS for level in list(checks_of(passes))[-1:])
        shown = lowered_for(graph, target, passes, None if ends_below else "kernels")
        # No two libraries of a process have one name: the loader would give the first again.
        path = self.folder / f"step_{next(_numbers)}.mlir"
        SnapshotOpLocations(str(path)).apply(context(), shown)
        module = shown if ends_below else lowered_to(shown, target.pipeline)
        return target.debug_executor(module, graph, path.with_suffix(".so"))
