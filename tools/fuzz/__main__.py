"""The command line of the fuzzer: `python -m pullback.tools.fuzz --mutants 1000 --networks 100 --seed 7`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pullback.tools.fuzz.cases import KINDS, Case, text_of
from pullback.tools.fuzz.corpus import programs
from pullback.tools.fuzz.failures import Failures
from pullback.tools.fuzz.outcome import Outcome
from pullback.tools.fuzz.reduction import reduced
from pullback.tools.fuzz.workers import SECONDS, run_all
from pullback.tools.outermost import count, exit_status, positive, seconds, termination_interrupts

SPACING = 10_000_000
"""How far the seeds of one run are from those of the next: that of a case is the run's times this, plus its number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzzer and return its exit status: 0, or 1 where a case failed."""
    return exit_status(lambda: _main(arguments), "pullback.tools.fuzz")


def _main(arguments: Sequence[str] | None) -> int:
    parser = _options()
    options = parser.parse_args(arguments)
    try:
        chosen = [Case.named(name) for name in options.case]
        programs(options.corpus)
        if options.output is not None:  # now, not when hours have found something to write
            Path(options.output).mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if options.print_case and not chosen:
        parser.error("--print-case: expected --case KIND:N")
    if options.print_case:
        for case in chosen:
            print(text_of(case, programs(options.corpus)))
        return 0
    failures = Failures(None if options.output is None else Path(options.output))
    cases = chosen or list(all_cases(options.seed, **{kind: getattr(options, f"{kind}s") for kind in KINDS}))
    start = time.monotonic()
    print(f"seed {options.seed}: {len(cases)} cases, {options.jobs} at a time", file=sys.stderr)
    try:
        with termination_interrupts():
            _run(cases, options, failures)
    finally:  # an interrupt ends the run, and what it found is told all the same
        for line in failures.summary():
            print(line)
        done = sum(failures.counts.values())
        print(f"{done} of {len(cases)} cases in {time.monotonic() - start:.0f} s, seed {options.seed}")
    return 1 if failures.first else 0


def _run(cases: Sequence[Case], options: argparse.Namespace, failures: Failures) -> None:
    """Runs cases, and tells of each new failure."""
    until = None if options.seconds is None else time.monotonic() + options.seconds
    with _progress() as progress:
        task = progress.add_task("cases", total=len(cases))

        def report(case: Case, outcome: Outcome, seconds: float) -> None:
            progress.advance(task)
            if failures.add(case, outcome):
                path = failures.write(case, outcome)
                small = None if path is None else reduced(path, outcome)
                where = "" if path is None else f", written to {path}"
                where += "" if small is None else f", reduced to {small}"
                progress.console.print(
                    f"--case {case}: {outcome.kind}: {outcome.symptom}{where}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )

        run_all(_until(iter(cases), until), options.corpus, options.jobs, report, options.timeout)


def all_cases(seed: int, **counts: int) -> Iterator[Case]:
    """The cases of a run, so many of each kind, mixed evenly, so that a run that ends early has some of each."""
    places = [((n + 0.5) / count, kind, n) for kind, count in counts.items() for n in range(count)]
    for _, kind, number in sorted(places):
        yield Case(kind, seed * SPACING + number)


def _until(cases: Iterator[Case], end: float | None) -> Iterator[Case]:
    for case in cases:
        if end is not None and time.monotonic() > end:
            return
        yield case


def _progress() -> Progress:
    """A bar at a terminal; elsewhere what is printed beside it, alone."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pullback.tools.fuzz",
        description="Run mutated text through tools and levels, random programs and networks through all targets.",
    )
    add = parser.add_argument
    add("--mutants", type=count, default=1000, metavar="N", help="how many mutants of texts (default: 1000)")
    add("--programs", type=count, default=100, metavar="N", help="how many random programs (default: 100)")
    add("--networks", type=count, default=100, metavar="N", help="how many random networks (default: 100)")
    add("--seed", type=int, default=0, metavar="S", help="another seed gives other cases (default: 0)")
    add("--seconds", type=seconds, metavar="T", help="start no case after this time")
    add("--jobs", type=positive, default=1, metavar="J", help="how many processes (default: 1)")
    add(
        "--timeout",
        type=seconds,
        default=SECONDS,
        metavar="T",
        help="seconds that a case may take (default: 60)",
    )
    add("--output", metavar="DIR", help="write each new failure into this folder")
    add(
        "--corpus",
        action="append",
        default=[],
        metavar="DIR",
        help="mutate the *.mlir files of a folder, too",
    )
    add("--case", action="append", default=[], metavar="KIND:N", help=f"run one case: {', '.join(KINDS)}:N")
    add("--print-case", action="store_true", help="print the text of the cases, and run none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
