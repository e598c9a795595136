"""The options of `pullback-reduce`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pullback.driver.targets.registry import targets
from pullback.tools.files import STANDARD
from pullback.tools.outermost import Once, add_version, seconds

SECONDS = 30.0
"""How long one candidate may take, unless told."""


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; `SystemExit` after a wrong one, or where one asks for help."""
    parser = argparse.ArgumentParser(
        prog="pullback-reduce",
        description="Shrink a program while a symptom stays.",
        epilog="Without a test, FILE must be a reproducer: its passes, inputs and target are repeated.",
    )
    add = parser.add_argument
    add(
        "file",
        nargs="?",
        default=STANDARD,
        metavar="FILE",
        help="the program; `-` or nothing for standard input",
    )
    add(
        "-o",
        "--output-file",
        action=Once,
        metavar="FILE",
        help="where to write; `-` or nothing for standard output",
    )
    _add_tests(parser)
    _add_run(parser)
    add(
        "--timeout",
        action=Once,
        type=seconds,
        default=SECONDS,
        metavar="SECONDS",
        help=f"how long a test may take for one candidate (default: {SECONDS:g})",
    )
    add("--traceback", action="store_true", help="show where in the compiler an error arose")
    add_version(parser)
    options = parser.parse_args(arguments)
    _check_combination(parser, options)
    return options


UNUSED = {
    "test": (
        "passes",
        "target",
        "function",
        "input",
        "variable",
        "seed",
        "low",
        "high",
        "special_values",
        "tolerance",
    ),
    "wrong_gradient": ("target", "input", "variable", "special_values"),
    "crash": ("tolerance",),
    "mismatch": ("target",),
}
"""The options that a test does not look at: a command runs what it likes, gradients are checked on drawn numbers."""


def _check_combination(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that would do nothing."""
    for test, names in UNUSED.items():
        if getattr(options, test) != parser.get_default(test):
            given = [name for name in names if getattr(options, name) != parser.get_default(name)]
            if given:
                flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
                parser.error(f"--{test.replace('_', '-')} makes no use of {flags}")


def _add_tests(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tests", "what stays while the program shrinks; one of these")
    add = group.add_mutually_exclusive_group().add_argument
    add(
        "--test",
        action=Once,
        metavar="COMMAND",
        help="a command of the shell that exits with 0 where the program is interesting; {} is the path of the file, "
        "which is added at the end unless it occurs",
    )
    add(
        "--wrong-number",
        action="store_true",
        help="the passes and the target give other results than the program as it is, on NumPy",
    )
    add(
        "--wrong-gradient",
        action="store_true",
        help="gradients differ from finite differences, through the rule of the same operation",
    )
    add(
        "--crash",
        action="store_true",
        help="a pass, or the target, fails with an exception of the same class, in the same pass",
    )
    add(
        "--mismatch", action=Once, metavar="A,B", type=_two_targets, help="two targets give different results"
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("runs", "how the built-in tests run a program")
    add = group.add_argument
    add("-p", "--passes", action=Once, metavar="PIPELINE", help="the passes (default: gradients,finish)")
    add(
        "--target",
        action=Once,
        choices=list(targets()),
        help="what runs the function after the passes (default: numpy; none for --crash)",
    )
    add("--function", action=Once, metavar="NAME", help="the function that runs (default: main)")
    array = "a .npy file, or numbers"
    add(
        "--input",
        action="append",
        default=[],
        metavar="NAME=ARRAY",
        help=f"an argument, in place of a drawn one: {array}; it is cut where its type shrinks",
    )
    add("--variable", action="append", default=[], metavar="NAME=ARRAY", help="the contents of a variable")
    add("--seed", action=Once, type=int, default=0, metavar="N", help="of what is drawn (default: 0)")
    add("--low", action=Once, type=float, metavar="X", help="the least number drawn; without it -2, then 0.5")
    add("--high", action=Once, type=float, metavar="X", help="the largest number drawn (default: 2)")
    add(
        "--special-values",
        action="store_true",
        help="every fourth number drawn is 0, -0, 1, -1, an infinity or NaN",
    )
    add(
        "--tolerance",
        action=Once,
        type=float,
        metavar="X",
        help="the relative difference that is no symptom, in place of what rounding explains",
    )


def _two_targets(text: str) -> tuple[str, str]:
    names = text.split(",")
    if len(names) != 2 or any(name not in targets() for name in names):
        known = ", ".join(targets())
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected two targets, as in cpu,numpy; there are {known}"
        )
    return names[0], names[1]
