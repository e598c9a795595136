"""`pullback-reduce`: reads a program, finds out what is wrong with it, and writes the smallest that still has it wrong.

    pullback-reduce step.mlir --wrong-number --target cpu -o small.mlir
    pullback-reduce step.mlir --test './is-it-still-wrong.sh {}'

The program goes to `-o` or standard output, what was done to standard error.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from xdsl.utils.lexer import Input, Span

from pullback.dialects.context import context
from pullback.dialects.ir.source import Source, parse
from pullback.dialects.verification import verify
from pullback.driver.failure import explain
from pullback.driver.reproducer import parse_reproducer, program_alone
from pullback.tools.array_arguments import ArrayError
from pullback.tools.files import STANDARD, FileError, read_text, write_bytes, write_out
from pullback.tools.installed_plugins import load_plugins
from pullback.tools.outermost import exit_status, termination_interrupts
from pullback.tools.reduce.built_in_test import BuiltInTest, NotInterestingError
from pullback.tools.reduce.reduce_options import parsed
from pullback.tools.reduce.search import Search
from pullback.tools.reduce.search_progress import progress_of
from pullback.tools.reduce.settings import ReductionSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `pullback-reduce` and return its exit status: 0, 1 after any error, 130 where it was interrupted."""
    return exit_status(lambda: _main(arguments), "pullback-reduce")


def _main(arguments: Sequence[str] | None) -> int:
    load_plugins("pullback-reduce")
    options = parsed(arguments)
    name = "<stdin>" if options.file == STANDARD else options.file
    text = read_text(options.file)
    start, source = Span(0, 0, Input(text, name)), None
    try:
        reproducer = None if program_alone(text) == text else parse_reproducer(text, name)
        source = parse(context(), text, name)
        verify(source.module)
        return _reduce(source, options, ReductionSettings.of(options, reproducer))
    except (ArrayError, NotInterestingError) as error:
        _say(f"error: {error}")
    except (FileError, BrokenPipeError):
        raise
    except Exception as error:
        if options.traceback:
            traceback.print_exc()
        print(explain(error, source, start), file=sys.stderr)
    return 1


def _reduce(source: Source, options: argparse.Namespace, settings: ReductionSettings) -> int:
    """Reduces a program and writes the smallest, also where someone interrupts it."""
    begin = time.monotonic()
    with closing(settings.test(source.module)) as test:
        search = Search(source.module, test)
        first, interrupted = search.best.size, False
        try:
            with termination_interrupts(), progress_of(search):
                search.run()
            if not test(parse(context(), search.best.text).module, search.best.text):
                _say("warning: the text, read back, does not show the symptom")
        except KeyboardInterrupt:
            interrupted = True
    best = search.best
    _write(options.output_file, settings.text(test, best.module, best.text))
    _say(
        f"{'interrupted: ' if interrupted else ''}from {first} to {best.size}; "
        f"{search.counts.tested} candidates tested in {time.monotonic() - begin:.1f} s"
    )
    if isinstance(test, BuiltInTest):
        _say(str(test.found(best.module) or test.symptom))
    return 130 if interrupted else 0


def _say(message: str) -> None:
    print(f"pullback-reduce: {message}", file=sys.stderr)


def _write(output_file: str | None, text: str) -> None:
    if output_file in (None, STANDARD):
        write_out(text)
    else:
        write_bytes(Path(output_file), text.encode())


if __name__ == "__main__":
    sys.exit(main())
