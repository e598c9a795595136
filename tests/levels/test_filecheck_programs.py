"""Each program under `tests/filecheck`, through each pipeline, on each target: the evaluator's result or a diagnostic.

Programs that are wrong on purpose have no result: then nothing has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pytest

from pullback.passes.pipeline.pipelines import PIPELINES
from pullback.tests.levels.filecheck_programs import Program, RefusedError, Section, Values, sections
from pullback.tests.targets import NAMES

pytestmark = pytest.mark.filterwarnings(
    "ignore::pullback.passes.placement.device_warnings.DeviceWarning"
)  # some programs name devices, which the processor ignores
SECTIONS = sections()
DOWN = (["gradients", "finish", "kernels", "loops"], ["gradients", "finish", "kernels", "gpu"])
CHAINS = dict.fromkeys(
    ",".join(names[first:last]) for names in DOWN for first in range(4) for last in range(first, 5)
)
"""Nothing, and each pipeline followed by those below it, as far as one likes."""
ROUTES = [*CHAINS, "simplify", "gradients,finish,simplify,kernels"]
EXPANDED = "inline-calls,generate-gradients,aggregate-gradients,gate-gradients"
"""The least that a request takes before it can be evaluated."""
TOLERANCE = {"float16": 2e-2, "bfloat16": 8e-2, "float32": 1e-4, "complex64": 1e-4}
"""Relative; 1e-9 for what is wider."""


def expected(section: Section) -> dict[str, Values]:
    """The evaluator's results of each function: of the text itself, else with its requests expanded."""
    found: dict[str, Values] = {}
    for pipeline in ("", EXPANDED):
        with suppress(RefusedError):
            program = Program(section, pipeline)
            for name in program.functions:
                for target in ("numpy", "simt"):  # the emulator alone runs kernels on memory
                    with suppress(RefusedError):
                        found.setdefault(name, program.run(name, target))
    return found


def test_every_pipeline_is_on_a_route() -> None:
    assert set(PIPELINES) <= {name for route in ROUTES for name in route.split(",")}


@pytest.mark.matrix(8)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_the_oracle_or_a_diagnostic(section: Section) -> None:
    values, seen = expected(section), set[str]()
    for pipeline in ROUTES:
        with suppress(RefusedError):
            program = Program(section, pipeline)
            if program.printed not in seen:
                seen.add(program.printed)
                check(program, values)


def check(program: Program, expected: Mapping[str, Values]) -> None:
    """Each function on each target."""
    for name in program.functions:
        is_checked = True
        for target in NAMES:
            if target == "cpu" and program.is_on_memory(name) and not is_checked:
                continue  # native code is trusted with what the interpreter has run
            where = f"@{name} after '{program.pipeline}' on {target}"
            try:
                values = program.run(name, target)
            except RefusedError:
                is_checked = False
                continue
            assert name in expected, f"{where} has a result, and the oracle has none"
            agree(values, expected[name], where)


@pytest.mark.parametrize(
    ("pipeline", "target"), [("", "cpu"), ("kernels,loops", "cpu"), ("kernels,gpu", "simt")]
)
def test_results_are_there(pipeline: str, target: str) -> None:
    """Else the cases above would show nothing."""
    section = next(s for s in SECTIONS if s.name == "gpu/lower-pointwise")
    agree(Program(section, pipeline).run("main", target), expected(section)["main"], target)


def agree(found: Values, values: Values, where: str) -> None:
    # On tensors the variables of other functions are there, too.
    assert found.keys() <= values.keys() and {*filter(str.isdigit, values)} <= found.keys(), where
    for name in found:
        value = values[name]
        tolerance = TOLERANCE.get(value.dtype.name, 1e-9)
        wide = np.complex128 if np.iscomplexobj(value) else np.float64
        got = found[name].astype(wide).reshape(value.shape)
        np.testing.assert_allclose(
            got, value.astype(wide), rtol=tolerance, atol=tolerance, err_msg=f"{where}: {name}"
        )
