"""How long `import pullback` takes above what it stands on: NumPy, and xDSL with the dialects that Pullback uses.

    python -m pullback.benchmarks.import_time         # or: python benchmarks/import_time.py

Each round starts one new process for each row, in turn, so that drift of the machine meets all alike, and the least
time of each counts. Times are of the processor, from the first line of the program on; compiled files are there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

DIALECTS = ("builtin", "func")
"""The dialects of xDSL that graphs are made of; those of lower levels are imported by what lowers."""
XDSL = ", ".join(
    ["xdsl.ir", "xdsl.irdl", "xdsl.parser", "xdsl.printer", *(f"xdsl.dialects.{d}" for d in DIALECTS)]
)
PROGRAMS = {
    "numpy": "import numpy",
    "numpy and xDSL's core": f"import numpy, {XDSL}",
    "pullback": "import pullback",
}
"""What is imported, by the name of its row; each contains what those above it import."""
TIMED = "import time; start = time.process_time()\n{}\nprint(time.process_time() - start)"


def seconds(imports: str) -> float:
    """The time of the processor that imports take in a new process."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
    }  # else a first run compiles the sources each time
    command = [sys.executable, "-c", TIMED.format(imports)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def least(rounds: int) -> dict[str, float]:
    """The least time of each row over some rounds, after one that compiles the sources."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for round_ in range(rounds + 1):
        for name, imports in PROGRAMS.items():
            taken = seconds(imports)
            if round_:
                times[name].append(taken)
    return {name: min(of) for name, of in times.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, help="processes per row (default: 10)")
    times = least(parser.parse_args(arguments).rounds)
    table = Table("import", "ms", "ms above the row before", "of the row before")
    before = 0.0
    for name, taken in times.items():
        ratio = f"{taken / before:.2f}" if before else ""
        table.add_row(name, f"{taken * 1e3:,.0f}", f"{(taken - before) * 1e3:,.0f}", ratio)
        before = taken
    Console().print(table)


if __name__ == "__main__":
    main()
