"""`pullback-opt`: read a program, run passes over it, print it.

xDSL's `xdsl-opt` with our dialects, passes, targets and named pipelines. Errors read
`file:line:col: error: ...`, with a caret, and the exit status is 1. Locations are printed, so that a pipe of
two runs equals one run of both pipelines.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import ArgSpecParseError
from xdsl.utils.lexer import Input, Span
from xdsl.xdsl_opt_main import xDSLOptMain

from pullback.dialects.context import context
from pullback.dialects.source import Source, parse
from pullback.dialects.text import print_module
from pullback.dialects.verification import verify
from pullback.passes.options import options_of
from pullback.passes.pipelines import PipelineError, parse_passes, syntax_error
from pullback.passes.run import run_passes
from pullback.passes.schedule.plan_memory import PlanMemory
from pullback.tools.expected import expected_errors, unmet
from pullback.tools.explain import explanations, shown
from pullback.tools.failure import Failure, explain
from pullback.tools.files import STANDARD, FileError, read_text, write_bytes
from pullback.tools.listing import LISTINGS, show
from pullback.tools.observe import PassDump, PassTimes
from pullback.tools.passes import own_passes
from pullback.tools.plugin import own_targets

_SEPARATOR = "// -----"
_SEPARATOR_LINE = re.compile(rf"^{_SEPARATOR}[ \t]*$", re.MULTILINE)


class OptMain(xDSLOptMain):
    """One run of the tool; `exit_status` is 1 once anything failed."""

    exit_status = 0
    passes: tuple[ModulePass, ...] = ()

    def register_all_dialects(self) -> None:
        self.ctx = context()

    def register_all_passes(self) -> None:
        super().register_all_passes()
        self.available_passes.update(own_passes())

    def register_all_targets(self) -> None:
        super().register_all_targets()
        self.available_targets.update(own_targets())

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        _describe(arg_parser)

    def setup_pipeline(self) -> None:
        passes = parse_passes(self.args.passes, self.available_passes)
        self.passes = passes if self.args.report is None else self._reporting(passes)

    def _reporting(self, passes: tuple[ModulePass, ...]) -> tuple[ModulePass, ...]:
        """The passes, those that plan memory with the report that was asked for."""
        if not any(isinstance(pass_, PlanMemory) for pass_ in passes):
            text = self.args.passes
            message = f"nothing to report on: --report={self.args.report} needs the pass '{PlanMemory.name}'"
            raise PipelineError(message, Span(0, len(text), Input(text, "<pipeline>")))
        report = self.args.report
        return tuple(replace(p, report=report) if isinstance(p, PlanMemory) else p for p in passes)

    def run(self) -> None:
        """Read, rewrite and print each piece of the input, or print a list that was asked for."""
        for name in LISTINGS:
            if getattr(self.args, f"list_{name}"):
                sys.stdout.write(show(name, as_json=self.args.json))
                return
        text = read_text(self.args.input_file or STANDARD)
        pieces = _SEPARATOR_LINE.split(text) if self.args.split_input_file else [text]
        times = PassTimes()
        outputs: list[str] = []
        line_offset = 0
        for index, piece in enumerate(pieces):
            dump = self._dump(index, len(pieces))
            if (output := self._process(piece, line_offset, times, dump)) is not None:
                outputs.append(output)
            line_offset += piece.count("\n")
        if self.args.timing:
            times.report()
        self._write(f"{_SEPARATOR}\n".join(outputs))

    def _process(self, text: str, line_offset: int, times: PassTimes, dump: PassDump | None) -> str | None:
        """The piece's output, or None where it failed."""
        expected = expected_errors(text, line_offset) if self.args.verify_diagnostics else []
        start = Span(0, 0, Input(text, self._input_name()), line_offset)
        source: Source | None = None
        output: str | None = None
        try:
            source = parse(self.ctx, text, self._input_name(), line_offset)
            self._rewrite(source.module, times, dump)
            output = self._output(source)
        except FileError:
            raise
        except Exception as error:
            if self.args.traceback:
                traceback.print_exc()
            failure = explain(error, source, start)
            left = unmet(expected, failure.line, failure.message)
            if left is None:
                self.fail(failure)
            else:
                expected = left
        for error in expected:
            self.fail(f"{self._input_name()}:{error.written_at}: error: no error says {error.text!r}")
        return output

    def _rewrite(self, module: ModuleOp, times: PassTimes, dump: PassDump | None) -> None:
        def observe(pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
            times.add(pass_, seconds)
            if dump is not None:
                dump.write(str(pass_.name), module)
            if self.args.print_between_passes:
                print(f"// IR after {pass_}\n{self._mlir(module)}", file=sys.stderr)

        if not self.args.disable_verify:
            verify(module)
        if dump is not None:
            dump.write("input", module)
        run_passes(self.ctx, module, self.passes, verify_each=not self.args.disable_verify, observe=observe)

    def _output(self, source: Source) -> str:
        """The module, or the explanation that was asked for."""
        if self.args.explain is None:
            return self.output_resulting_program(source.module)
        return shown(
            explanations(source, self.args.explain), as_json=self.args.json, to=self.args.output_file
        )

    def output_resulting_program(self, prog: ModuleOp) -> str:
        """The module as MLIR with its locations, or in the form of another target."""
        args = self.args
        plain = not (args.print_no_properties or args.print_debuginfo or args.syntax_highlight)
        own = args.target == "mlir" and plain
        return self._mlir(prog) if own else super().output_resulting_program(prog)

    def _mlir(self, module: ModuleOp) -> str:
        return print_module(module, locations=not self.args.no_locations, generic=self.args.print_op_generic)

    def _input_name(self) -> str:
        named = self.args.input_file not in (None, STANDARD)
        return self.args.input_file if named else "<stdin>"

    def _dump(self, index: int, count: int) -> PassDump | None:
        if self.args.print_ir_dir is None:
            return None
        folder = Path(self.args.print_ir_dir)
        return PassDump(
            folder if count == 1 else folder / f"piece-{index}", locations=not self.args.no_locations
        )

    def _write(self, text: str) -> None:
        if self.args.output_file in (None, STANDARD):
            sys.stdout.write(text)
            sys.stdout.flush()
        elif self.exit_status == 0:
            write_bytes(Path(self.args.output_file), text.encode())

    def fail(self, failure: Failure | str) -> None:
        """Print an error and remember that the run failed."""
        print(failure, file=sys.stderr)
        self.exit_status = 1


def _describe(parser: argparse.ArgumentParser) -> None:
    """Declare the options: those of `xdsl-opt` that we keep, under their names, and ours."""
    parser.prog = "pullback-opt"
    add = parser.add_argument
    add("input_file", nargs="?", metavar="FILE", help="the program; `-` or nothing for standard input")
    add("-o", "--output-file", metavar="FILE", help="where to print; `-` or nothing for standard output")
    add("-p", "--passes", default="", metavar="PIPELINE", help="passes and named pipelines, comma-separated")
    add("-t", "--target", default="mlir", metavar="TARGET", help="the form of the output")
    flags = {
        "--allow-unregistered-dialect": "take ops of unknown dialects, in generic syntax",
        "--disable-verify": "do not verify the program, nor what each pass leaves",
        "--split-input-file": "treat the pieces between `// -----` lines as programs of their own",
        "--verify-diagnostics": "expect the errors of `// expected-error {{text}}` comments, and no others",
        "--no-locations": "print no loc(...)",
        "--print-op-generic": "print ops in generic syntax",
        "--print-no-properties": "print properties among the attributes, as MLIR did before it had them",
        "--print-debuginfo": "print a location on every op, also an unknown one",
        "--syntax-highlight": "print in colours",
        "--print-between-passes": "print the IR after each pass on standard error",
        "--timing": "print a table of the time each pass took on standard error",
        "--traceback": "show where in the compiler an error arose",
        "--json": "print lists and explanations as JSON",
    }
    for flag, help_text in flags.items():
        add(flag, action="store_true", help=help_text)
    for name, listing in LISTINGS.items():
        add(f"--list-{name}", action="store_true", help=listing.help)
    option = options_of(PlanMemory)["report"]
    reports = [kind for kind in get_args(option.hint) if kind != option.default]
    add(
        "--report",
        choices=reports,
        help="report on standard error what the memory plan is, or what it proved",
    )
    add(
        "--explain",
        metavar="[YS:]X",
        help="print, in place of the program, why the gradient with respect to the value X is what it is, or none",
    )
    add("--print-ir-dir", metavar="DIR", help="write the IR after each pass into numbered files in DIR")
    add(
        "-v", "--version", action="version", version=f"pullback {version('pullback')}, xdsl {version('xdsl')}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `pullback-opt` and return its exit status: 0, or 1 after any error."""
    checks_itself = Attribute.__post_init__  # xDSL's --disable-verify replaces it for the whole process
    try:
        tool = OptMain(description="Read MLIR, run passes, print MLIR or another target.", args=arguments)
        tool.run()
        return tool.exit_status
    except SystemExit as stop:  # argparse: 0 after --help, 2 after a wrong argument
        return 1 if stop.code else 0
    except PipelineError as error:
        print(Failure(error.span, error.message), file=sys.stderr)
    except ArgSpecParseError as error:  # the text of --target, which xDSL reads itself
        wrong = syntax_error(error)
        print(Failure(wrong.span, wrong.message), file=sys.stderr)
    except FileError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:
        # The reader left (`| head`); what Python still holds for stdout must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    finally:
        Attribute.__post_init__ = checks_itself
    return 1


if __name__ == "__main__":
    sys.exit(main())
