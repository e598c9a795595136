"""Kernels as the machine code of a GPU (SASS), read by `nvdisasm`, which needs no GPU.

The tool comes with the wheel `nvidia-cuda-nvdisasm` of the extra [test], or is found on PATH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class MachineCode:
    """The instructions of a kernel, by their names with modifiers: `LDG.E.128.CONSTANT`."""

    instructions: tuple[str, ...]

    @property
    def size(self) -> int:
        """The number of instructions, without those that fill up."""
        return len(self.instructions) - self.count("NOP")

    def count(self, pattern: str) -> int:
        """How many begin with a regular expression."""
        return sum(re.match(rf"(?:{pattern})(?![A-Z0-9])", name) is not None for name in self.instructions)

    @property
    def calls(self) -> int:
        """Calls of functions, such as divisions of 64 bits."""
        return self.count("CALL")


_KERNEL = re.compile(r"^//-+ \.text\.(?P<name>\w+) +-+$(?P<body>.*?)(?=^//-+ |\Z)", re.MULTILINE | re.DOTALL)
_INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)", re.MULTILINE)


@cache
def disassembler() -> str | None:
    """The path of `nvdisasm`, or None."""
    package = find_spec("nvidia")
    for root in (package and package.submodule_search_locations) or ():
        for path in Path(root).glob("**/bin/nvdisasm"):
            return str(path)
    return shutil.which("nvdisasm")


def disassemble(cubin: bytes) -> dict[str, MachineCode]:
    """The code of each kernel of a cubin."""
    tool = disassembler()
    assert tool is not None, "mark the test with needs_disassembler"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run([tool, "--no-dataflow", file.name], capture_output=True, text=True, check=True)
    return {
        found["name"]: MachineCode(tuple(_INSTRUCTION.findall(found["body"])))
        for found in _KERNEL.finditer(done.stdout)
    }
