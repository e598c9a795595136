"""`--verify-each`: what is checked after each pass, the IR by the verifier or the program's numbers by running it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from pullback.driver.checking.function_runs import functions_to_run
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass
from pullback.driver.failure import Failure
from pullback.driver.module_functions import arguments_of, functions_of, variables_of
from pullback.tools.array_arguments import ArrayError, named_arrays
from pullback.tools.outermost import Once
from pullback.tools.reproducing import noting_reproducer

FLAG = "--verify-each"


def add_verify_each(parser: argparse.ArgumentParser) -> None:
    """Declare `--verify-each`, which both tools have."""
    parser.add_argument(
        FLAG,
        action=Once,
        choices=("verifier", "run"),
        help="what checks the program after each pass: the verifier (the default), or also a run of it, on given or "
        "drawn inputs, that must give the same numbers as before",
    )
    parser.set_defaults(verify_each="verifier")


def with_values(arguments: Sequence[str] | None) -> list[str]:
    """The command line with `--verify-each` written out: alone it names the verifier, as in mlir-opt."""
    given = sys.argv[1:] if arguments is None else arguments
    end = given.index("--") if "--" in given else len(given)
    return [f"{FLAG}=verifier" if a == FLAG and i < end else a for i, a in enumerate(given)]


def run_checks(
    module: ModuleOp, options: argparse.Namespace, function: str | None = None
) -> list[RunAfterEachPass]:
    """The instrumentation that the options ask for, or none.

    Args:
        module: the program as it was read.
        options: with `verify_each`, `input` and `variable`.
        function: the only function to run, which targets compile as `main`; each public one unless given.

    Raises:
        ArrayError: an array that is given does not fit.
    """
    given: list[str] = [*options.input, *options.variable]
    if options.verify_each != "run":
        if given and function is None:
            raise ArrayError("--input and --variable are for --verify-each=run, which runs the program")
        return []
    functions = functions_of(module)
    names = functions_to_run(module) if function is None else [n for n in functions if n == function]
    types = {name: type_ for n in names for name, type_ in arguments_of(functions[n]).items()}
    return [
        RunAfterEachPass(
            function,
            _given("input", options.input, types),
            _given("variable", options.variable, variables_of(module)),
            skipped=lambda line: print(f"note: {FLAG}=run: {line}", file=sys.stderr),
            one_program=function is not None,
        )
    ]


def _given(kind: str, arguments: Sequence[str], types: dict[str, Any]) -> dict[str, Any]:
    """The arrays of the names that are given; those of other names are drawn."""
    names = [argument.partition("=")[0] for argument in arguments]
    known = {name: type_ for name, type_ in types.items() if name in names}
    return named_arrays(kind, arguments, known if len(known) == len(set(names)) else types)


def noting_change(failure: Failure, error: Exception) -> Failure:
    """The failure; of a pass that changed a number, with a note that names the file of a reproducer of that pass."""
    if not isinstance(error, ResultChangedError):
        return failure
    return noting_reproducer(failure, error.reproducer, (), "pullback-verify-each")
