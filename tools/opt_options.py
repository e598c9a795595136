"""The options of `pullback-opt`: those of `xdsl-opt` that we keep, under their names, and ours."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import get_args

from pullback.passes.kernels.memory.plan_memory import PlanMemory
from pullback.passes.pipeline.options import options_of
from pullback.tools.listing import LISTINGS
from pullback.tools.observe import CACHE, add_observers
from pullback.tools.outermost import PASSES, Once, add_max_operations, add_version
from pullback.tools.reproducing import add_reproducers, parsed_options
from pullback.tools.verify_each import add_verify_each, with_values

FLAGS = {
    "--allow-unregistered-dialect": "take ops of unknown dialects, in generic syntax",
    "--disable-verify": "do not verify the program, nor what each pass leaves",
    "--split-input-file": "treat the pieces between `// -----` lines as programs of their own",
    "--verify-diagnostics": "expect the errors of `// expected-error {{text}}` comments, and no others",
    "--no-locations": "print no loc(...)",
    "--print-op-generic": "print ops in generic syntax",
    "--print-no-properties": "print properties among the attributes, as MLIR did before it had them",
    "--print-debuginfo": "print in locations the line at which each op was written: that of Python, else of the input",
    "--syntax-highlight": "print in colours",
    "--traceback": "show where in the compiler an error arose",
    "--json": "print lists, explanations, statistics and the report on what was kept as JSON",
}


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line, with those of a reproducer that it asks for; see `parsed_options`."""
    parser = argparse.ArgumentParser(
        prog="pullback-opt", description="Read MLIR, run passes, print MLIR or another target."
    )
    add = parser.add_argument
    add("input_file", nargs="?", metavar="FILE", help="the program; `-` or nothing for standard input")
    for names, metavar, help_text in (
        (("-o", "--output-file"), "FILE", "where to print; `-` or nothing for standard output"),
        (PASSES, "PIPELINE", "passes and named pipelines, comma-separated; also in builtin.module(...)"),
        (("-t", "--target"), "TARGET", "the form of the output; see --list-targets"),
    ):
        add(*names, action=Once, metavar=metavar, help=help_text)
    for flag, help_text in FLAGS.items():
        add(flag, action="store_true", help=help_text)
    for name, listing in LISTINGS.items():
        add(f"--list-{name}", action="store_true", help=listing.help)
    option = options_of(PlanMemory)["report"]
    reports = [kind for kind in get_args(option.hint) if kind != option.default]
    add(
        "--report",
        action=Once,
        choices=[*reports, CACHE],
        help="report on standard error what the memory plan is, what it proved, or which native programs were kept",
    )
    add(
        "--explain",
        action=Once,
        metavar="[YS:]X",
        help="print, in place of the program, why the gradient with respect to the value X is what it is, or none",
    )
    array = "for --verify-each=run: NAME=ARRAY for"
    add("--input", action="append", default=[], metavar="NAME=ARRAY", help=f"{array} an argument")
    add("--variable", action="append", default=[], metavar="NAME=ARRAY", help=f"{array} a variable")
    add_verify_each(parser)
    add_observers(parser)
    add_reproducers(parser)
    add_max_operations(parser)
    add_version(parser)
    parser.set_defaults(passes="", target="mlir")
    options = parsed_options(parser, with_values(arguments))
    if options.print_debuginfo and options.no_locations:
        parser.error("--print-debuginfo prints lines in the locations that --no-locations leaves out")
    return options
