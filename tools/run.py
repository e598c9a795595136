"""`pullback-run`: run one function of a program on arrays.

    pullback-run step.mlir --input x=x.npy --input t='[1, 0, 2]' --variable w=w.npy --output results

Results go to `--output` as `.npy` files under the names they have in the program, with the variables' new
contents; a table of them goes to standard output, or the values themselves with `--values`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from xdsl.utils.lexer import Input, Span

from pullback.backends.cuda_runtime.api import CudaMissingError
from pullback.dialects.context import context
from pullback.dialects.ir.source import Source, parse
from pullback.dialects.verification import verify
from pullback.driver.array_text import written_out
from pullback.driver.failure import explain
from pullback.driver.targets.registry import targets
from pullback.driver.targets.target import Target
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.rewriting.limits import MAX_OPERATIONS
from pullback.tools.array_arguments import Array, ArrayError, save, summary
from pullback.tools.execution import execute
from pullback.tools.files import STANDARD, FileError, is_terminal, read_text, write_out
from pullback.tools.installed_plugins import load_plugins
from pullback.tools.observe import CACHE, Observers, add_observers
from pullback.tools.outermost import PASSES, Once, add_max_operations, add_version, exit_status
from pullback.tools.passes import available_passes, with_limit
from pullback.tools.reproducing import Reproducing, add_reproducers, parsed_options
from pullback.tools.verify_each import add_verify_each, noting_change, run_checks, with_values


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `pullback-run` and return its exit status: 0, or 1 after any error."""
    return exit_status(lambda: _main(arguments), "pullback-run")


def _main(arguments: Sequence[str] | None) -> int:
    load_plugins("pullback-run")
    options = parsed_options(_options(), with_values(arguments))
    if options.list_targets:
        write_out("".join(f"{_target_line(target)}\n" for target in targets().values()))
        return 0
    name = "<stdin>" if options.file == STANDARD else options.file
    text = read_text(options.file) if options.text is None else options.text
    start, source = Span(0, 0, Input(text, name)), None
    reproducing = Reproducing("pullback-run", options, text)
    reproducing.start()
    observers = Observers(options, available_passes())
    try:
        source = parse(context(), text, name)
        with observers.watching(source.module), instrumented(reproducing):
            _run(source, options)
    except (ArrayError, CudaMissingError) as error:  # the program is not at fault: no place in it is named
        print(f"pullback-run: error: {error}", file=sys.stderr)
    except (FileError, BrokenPipeError):
        raise
    except Exception as error:
        if options.traceback:
            traceback.print_exc()
        failure = noting_change(explain(error, source, start), error)
        print(reproducing.after_failure(failure, error), file=sys.stderr)
    else:
        return 0
    finally:
        observers.report()
    return 1


def _run(source: Source, options: argparse.Namespace) -> None:
    verify(source.module)
    checks = run_checks(source.module, options, options.function)
    with instrumented(*checks):
        outputs = _computed(source, options)
    for check in checks:
        check.compare_outputs(options.target, list(outputs.values()))
    if options.output is not None:
        save(Path(options.output), outputs)
    if options.values:
        write_out("".join(f"{name} = {written_out(array)}\n" for name, array in outputs.items()))
    else:
        table = StringIO()
        Console(file=table, width=None if is_terminal() else 10_000).print(summary(outputs))
        write_out(table.getvalue())


def _computed(source: Source, options: argparse.Namespace) -> dict[str, Array]:
    """What the function leaves, after the passes and on the target of the options."""
    limit: int | None = options.max_operations
    passes = with_limit(parse_passes(options.passes, available_passes()), limit)
    run_passes(context(), source.module, passes)
    return execute(
        source.module,
        options.function,
        options.input,
        options.variable,
        options.target,
        MAX_OPERATIONS if limit is None else limit,
    )


def _target_line(target: Target) -> str:
    """A target in one line: what it is, and the passes that lead from a finished graph to what it runs."""
    return f"{target.name}: {target.meaning}" + (f" (-p '{target.pipeline}')" if target.passes else "")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pullback-run", description="Run one function of a program on arrays."
    )
    add = parser.add_argument
    array = "a .npy file, or numbers: [[1.0, 2.0], [3.0, 4.0]]"
    add(
        "file",
        nargs="?",
        default=STANDARD,
        metavar="FILE",
        help="the program; `-` or nothing for standard input",
    )
    add(*PASSES, action=Once, metavar="PIPELINE", help="passes and named pipelines to run first")
    add("--function", action=Once, metavar="NAME", help="the function to run (default: main)")
    add(
        "--input",
        action="append",
        default=[],
        metavar="NAME=ARRAY",
        help=f"an argument of the function: {array}",
    )
    add("--variable", action="append", default=[], metavar="NAME=ARRAY", help="the contents of a variable")
    add(
        "--target",
        action=Once,
        choices=list(targets()),
        help="what runs the function; see --list-targets (default: numpy)",
    )
    add(
        "--list-targets",
        action="store_true",
        help="list what functions run on, each with the passes that lead there",
    )
    add("--output", action=Once, metavar="DIR", help="the folder for results and variables, one .npy each")
    add("--values", action="store_true", help="print the values instead of a table")
    add(
        "--report",
        action=Once,
        choices=[CACHE],
        help="report on standard error which native programs were found among those that are kept",
    )
    add("--json", action="store_true", help="print statistics and reports as JSON")
    add("--traceback", action="store_true", help="show where in the compiler an error arose")
    add_max_operations(parser)
    add_verify_each(parser)
    add_observers(parser)
    add_reproducers(parser)
    add_version(parser)
    parser.set_defaults(passes="", function="main", target="numpy")
    return parser


if __name__ == "__main__":
    sys.exit(main())
