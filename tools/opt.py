"""`pullback-opt`: read a program, run passes over it, print it.

xDSL's `xdsl-opt` with our dialects, passes, targets and named pipelines. Errors read
`file:line:col: error: ...`, with a caret, and the exit status is 1. Locations are printed, so that a pipe of
two runs equals one run of both pipelines.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.targets.mlir import MLIRTarget
from xdsl.transforms import get_all_passes
from xdsl.utils.lexer import Input, Span

from pullback.dialects.context import context
from pullback.dialects.ir.source import Source, parse
from pullback.dialects.ir.text import clear_locations, print_module
from pullback.dialects.verification import verify
from pullback.driver.failure import Failure, explain
from pullback.passes.kernels.memory.plan_memory import PlanMemory
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import PipelineError, parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.rewriting.limits import MAX_OPERATIONS
from pullback.tools.array_arguments import ArrayError
from pullback.tools.expected import expected_errors, unmet
from pullback.tools.files import STANDARD, FileError, read_text, write_bytes, write_out
from pullback.tools.formats import format_named
from pullback.tools.installed_plugins import load_plugins
from pullback.tools.listing import show
from pullback.tools.observe import CACHE, Observers
from pullback.tools.opt_options import LISTINGS, parsed
from pullback.tools.outermost import exit_status
from pullback.tools.passes import own_passes, with_limit
from pullback.tools.reproducing import Reproducing
from pullback.tools.verify_each import noting_change, run_checks

_SEPARATOR = "// -----"
_SEPARATOR_LINE = re.compile(rf"^{_SEPARATOR}[ \t]*$", re.MULTILINE)


class Opt:
    """One run of the tool; `exit_status` is 1 once anything failed."""

    def __init__(self, arguments: Sequence[str] | None) -> None:
        self.exit_status = 0
        load_plugins("pullback-opt")
        self.args = parsed(arguments)
        self.ctx = context()
        self.ctx.allow_unregistered = self.args.allow_unregistered_dialect
        available = {**get_all_passes(), **own_passes()}
        self.format = format_named(self.args.target)
        passes = with_limit(parse_passes(self.args.passes, available), self.args.max_operations)
        self.passes = passes if self.args.report in (None, CACHE) else self._reporting(passes)
        self._observers = Observers(
            self.args, available, printed=self._mlir, locations=not self.args.no_locations
        )

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
                write_out(show(name, as_json=self.args.json))
                return
        text = read_text(self.args.input_file or STANDARD) if self.args.text is None else self.args.text
        self._reproducing = Reproducing("pullback-opt", self.args, text)
        self._reproducing.start()
        pieces = _SEPARATOR_LINE.split(text) if self.args.split_input_file else [text]
        self._observers.dump_pipeline(self.passes)
        outputs: list[str] = []
        line_offset = 0
        for index, piece in enumerate(pieces):
            folder = f"piece-{index}" if len(pieces) > 1 else ""
            if (output := self._process(piece, line_offset, folder)) is not None:
                outputs.append(output)
            line_offset += piece.count("\n")
        self._observers.report()
        self._write(f"{_SEPARATOR}\n".join(outputs))

    def _process(self, text: str, line_offset: int, folder: str) -> str | None:
        """The piece's output, or None where it failed."""
        expected = expected_errors(text, line_offset) if self.args.verify_diagnostics else []
        start = Span(0, 0, Input(text, self._input_name()), line_offset)
        source: Source | None = None
        output: str | None = None
        try:
            source = parse(self.ctx, text, self._input_name(), line_offset)
            self._rewrite(source.module, folder)
            output = self._output(source)
        except FileError:
            raise
        except ArrayError as error:
            self.fail(f"pullback-opt: error: {error}")
        except Exception as error:
            if self.args.traceback:
                traceback.print_exc()
            failure = noting_change(explain(error, source, start), error)
            left = unmet(expected, failure.line, failure.message)
            if left is None:
                self.fail(self._reproducing.after_failure(failure, error))
            else:
                expected = left
        for error in expected:
            self.fail(f"{self._input_name()}:{error.written_at}: error: no error says {error.text!r}")
        return output

    def _rewrite(self, module: ModuleOp, folder: str) -> None:
        if not self.args.disable_verify:
            verify(module)
        checks = instrumented(*run_checks(module, self.args))  # the outermost: others see what is wrong, too
        with checks, self._observers.watching(module, folder), instrumented(self._reproducing):
            run_passes(self.ctx, module, self.passes, verify_each=not self.args.disable_verify)

    def _output(self, source: Source) -> str:
        """The module, or the explanation that was asked for."""
        if self.args.explain is None:
            return self._printed(source.module)
        from pullback.passes.explain.question import explanations
        from pullback.tools.explain import shown

        return shown(
            explanations(source, self.args.explain, self.args.max_operations or MAX_OPERATIONS),
            as_json=self.args.json,
            to=self.args.output_file,
        )

    def _printed(self, module: ModuleOp) -> str:
        """The module as MLIR with its locations, or in another form."""
        args, form = self.args, self.format
        if isinstance(form, MLIRTarget):
            told = (args.print_no_properties, args.syntax_highlight)
            if form == MLIRTarget() and not any(told):
                return self._mlir(module)
            form = MLIRTarget(
                form.print_generic_format or args.print_op_generic,
                form.print_properties_as_attributes or args.print_no_properties,
                form.print_debuginfo or args.print_debuginfo,
                form.syntax_highlight or args.syntax_highlight,
            )
        elif args.no_locations:
            clear_locations(module)
        output = StringIO()
        form.emit(self.ctx, module, output)
        return output.getvalue()

    def _mlir(self, module: ModuleOp) -> str:
        args = self.args
        return print_module(
            module,
            locations=not args.no_locations,
            generic=args.print_op_generic,
            debuginfo=args.print_debuginfo,
        )

    def _input_name(self) -> str:
        named = self.args.input_file not in (None, STANDARD)
        return self.args.input_file if named else "<stdin>"

    def _write(self, text: str) -> None:
        if self.args.output_file in (None, STANDARD):
            write_out(text)
        elif self.exit_status == 0:
            write_bytes(Path(self.args.output_file), text.encode())

    def fail(self, failure: Failure | str) -> None:
        """Print an error and remember that the run failed."""
        print(failure, file=sys.stderr)
        self.exit_status = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `pullback-opt` and return its exit status: 0, or 1 after any error."""

    def run() -> int:
        tool = Opt(arguments)
        with verification_of_attributes(not tool.args.disable_verify):
            tool.run()
        return tool.exit_status

    return exit_status(run, "pullback-opt")


@contextmanager
def verification_of_attributes(on: bool) -> Generator[None]:
    """Attributes check themselves when they are made, unless this is told to let them be."""
    checks = Attribute.__post_init__
    if not on:
        Attribute.__post_init__ = lambda self: None
    try:
        yield
    finally:
        Attribute.__post_init__ = checks


if __name__ == "__main__":
    sys.exit(main())
