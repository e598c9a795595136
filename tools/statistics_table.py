"""The table of `--statistics`: what each pass did, on standard error, or the same as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from pullback.passes.pipeline.pass_statistics import PassRecord

Lines = Sequence[tuple[str, str]]


def print_statistics(records: Sequence[PassRecord], *, as_json: bool) -> None:
    """Print the records of passes, in the order in which these ran."""
    if as_json:
        print(json.dumps([record.as_json() for record in records], indent=2), file=sys.stderr)
        return
    if not records:
        return
    table = Table("pass", "statistic", title="statistics of passes")
    table.add_column("count", overflow="fold")
    for record in records:
        name = str(record.pass_.name)
        for statistic, count in _lines(record):
            table.add_row(name, statistic, count)
            name = ""
        table.add_section()
    Console(stderr=True, width=None if sys.stderr.isatty() else 10_000).print(table)


def _lines(record: PassRecord) -> Lines:
    """What a table says of one run: the operations, of which there are more or fewer, and the pass's own statistics."""
    before, after = sum(record.before.values()), sum(record.after.values())
    lines = [("operations", f"{before} -> {after}" if before != after else f"{after}")]
    for title, sign in (("  more", 1), ("  fewer", -1)):
        names = {name: sign * count for name, count in record.changes.items() if sign * count > 0}
        if names:
            lines.append((title, _listed(names)))
    for name, count in record.statistics.items():
        lines.append((name, f"{count:,}" if isinstance(count, int) else _listed(count) or "0"))
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
