"""A command as a test: exit status 0 says that the program in a file is interesting, as for `llvm-reduce`."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from pullback.tools.reduce.built_in_test import NotInterestingError

PLACE = "{}"
"""What stands for the path of the candidate in a command."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit statuses of a shell that cannot run a command."""


class CommandTest:
    """Runs a command of the shell on a file that holds the candidate.

    Args:
        command: `{}` stands for the path of the file, which is added at the end where it does not occur.
        seconds: a command that takes longer is ended, and the candidate is not interesting.
    """

    def __init__(self, command: str, seconds: float) -> None:
        self._command = command
        self._seconds = seconds
        self._folder = tempfile.TemporaryDirectory(prefix="pullback-reduce-")
        self._path = Path(self._folder.name) / "candidate.mlir"

    def __call__(self, module: ModuleOp, text: str) -> bool:
        return self.status(text) == 0

    def check(self, text: str) -> None:
        """Runs the command on the program to begin with.

        Raises:
            NotInterestingError: it does not say that the program is interesting.
        """
        status = self.status(text)
        if status is None:
            raise NotInterestingError(
                f"--test: the command runs longer than {self._seconds:g} seconds; --timeout allows more"
            )
        if status in (NOT_FOUND, NOT_EXECUTABLE):
            raise NotInterestingError(f"--test: the shell cannot run the command (exit status {status})")
        if status != 0:
            raise NotInterestingError(
                f"--test: the command says that the program is not interesting: exit status {status}, expected 0"
            )

    def close(self) -> None:
        """Removes the file."""
        self._folder.cleanup()

    def status(self, text: str) -> int | None:
        """The exit status of the command on a text; None where it took too long."""
        self._path.write_text(text)
        path = shlex.quote(str(self._path))
        command = self._command.replace(PLACE, path) if PLACE in self._command else f"{self._command} {path}"
        process = subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that what the command starts ends with it
        )
        try:
            return process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
