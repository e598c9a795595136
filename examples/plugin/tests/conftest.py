"""The tools, as they are installed in the environment in which the tests run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
PROGRAM = """\
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = graph.soft_threshold %x {threshold = 0.5 : f64} : tensor<4xf32> loc("a")
  %y = graph.soft_threshold %a {threshold = 0.25 : f64} : tensor<4xf32> loc("y")
  %z = shrink.keep_largest %y {k = 2 : i64, axis = 0 : i64} : tensor<4xf32> loc("z")
  %dx = graph.gradients of (%z) wrt (%x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %z, %dx : tensor<4xf32>, tensor<4xf32>
}
"""
PRINTED: dict[tuple[tuple[str, ...], str], str] = {}


class Tools:
    """Runs tools in a folder of their own, in which the program is `p.mlir`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "p.mlir").write_text(PROGRAM)

    def run(
        self, *command: str, text: str = "", path: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a tool; `path` is a folder of further packages."""
        environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
        if path is not None:
            environment["PYTHONPATH"] = os.pathsep.join(
                filter(None, [str(path), os.environ.get("PYTHONPATH")])
            )
        tool, *arguments = command
        return subprocess.run(
            [str(BIN / tool), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=environment,
        )

    def output(self, *command: str, text: str = "") -> str:
        """What a tool prints that succeeds and has nothing to complain of; run once, since the program is the same."""
        if (command, text) not in PRINTED:
            done = self.run(*command, text=text)
            assert (done.returncode, done.stderr) == (0, "")
            PRINTED[command, text] = done.stdout
        return PRINTED[command, text]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)
