"""Masked accesses touch the elements of their lanes alone, whatever is narrowed before or widened after, at every mask.

LLVM made a store of one truncated lane as wide as it was before: the element behind the end of a row of 17 was lost.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from pullback.tests.backends.cpu.native import compile_text, print_text

DTYPES = {
    **{f"i{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{"f16": np.dtype("float16"), "f32": np.dtype("float32"), "f64": np.dtype("float64")},
    "bf16": np.dtype(ml_dtypes.bfloat16),
}
NARROWED = [
    *(("i64", "i32"), ("i64", "i16"), ("i64", "i8"), ("i32", "i16"), ("i32", "i8"), ("i16", "i8")),
    *(("f64", "f32"), ("f32", "f16"), ("f32", "bf16")),
]
WIDTHS = {"i8": (16, 64), "i16": (8, 64), "bf16": (32, 64)}


def row_under(mask: str, n: int, width: int) -> str:
    """The number of a row and its mask."""
    return f"""
  %row{n} = arith.constant {n} : index
  {mask.replace("%m", f"%m{n}").replace("%size", f"%size{n}")} : vector<{width}xi1>"""


def narrowing(wide: str, narrow: str, width: int, masks: list[str]) -> str:
    """A module that narrows rows of x, and stores each at the beginning of a row of y under one of these masks."""
    op = "arith.trunci" if wide.startswith("i") else "arith.truncf"
    x, y = f"memref<{len(masks)}x{width}x{wide}>", f"memref<{len(masks)}x{2 * width}x{narrow}>"
    loaded, stored = f"vector<{width}x{wide}>", f"vector<{width}x{narrow}>"
    lines = [
        f"""{row_under(mask, n, width)}
  %w{n} = vector.load %x[%row{n}, %zero] : {x}, {loaded}
  %v{n} = {op} %w{n} : {loaded} to {stored}
  vector.maskedstore %y[%row{n}, %zero], %m{n}, %v{n} : {y}, vector<{width}xi1>, {stored}"""
        for n, mask in enumerate(masks)
    ]
    return f"""func.func @main(%x: {x}, %y: {y}) {{
  %zero = arith.constant 0 : index{"".join(lines)}
  func.return
}}"""


def masks_of(width: int) -> tuple[list[str], np.ndarray]:
    """Masks of the first lanes, of which there are 1 and more, then of each lane alone; and which lanes these are."""
    first = [f"%size = arith.constant {n} : index\n  %m = vector.create_mask %size" for n in range(1, width)]
    one = [
        f"%m = arith.constant dense<[{', '.join(str(at == lane).lower() for at in range(width))}]>"
        for lane in range(width)
    ]
    return [*first, *one], np.concatenate([np.tri(width, dtype=bool)[:-1], np.eye(width, dtype=bool)])


@pytest.mark.parametrize(("wide", "narrow"), NARROWED)
def test_elements_of_other_lanes_stay(wide: str, narrow: str) -> None:
    for width in WIDTHS.get(narrow, (8, 16)):
        masks, lanes = masks_of(width)
        x = np.tile(np.arange(1, width + 1), (len(masks), 1)).astype(DTYPES[wide])
        y = np.full((len(masks), 2 * width), 99, DTYPES[narrow])
        compile_text(narrowing(wide, narrow, width, masks))(x, y)
        assert (y[:, width:] == 99).all()
        np.testing.assert_array_equal(y[:, :width].astype(np.int64), np.where(lanes, x, 99))


def widening(wide: str, narrow: str, width: int, masks: list[str], passed: str) -> str:
    """A module that loads each row of x under one of these masks, and stores it widened in y."""
    op = "arith.extsi" if wide.startswith("i") else "arith.extf"
    x, y = f"memref<{len(masks)}x{width}x{narrow}>", f"memref<{len(masks)}x{width}x{wide}>"
    loaded, stored = f"vector<{width}x{narrow}>", f"vector<{width}x{wide}>"
    lines = [
        f"""{row_under(mask, n, width)}
  %v{n} = vector.maskedload %x[%row{n}, %zero], %m{n}, %passed : {x}, vector<{width}xi1>, {loaded} into {loaded}
  %w{n} = {op} %v{n} : {loaded} to {stored}
  vector.store %w{n}, %y[%row{n}, %zero] : {y}, {stored}"""
        for n, mask in enumerate(masks)
    ]
    return f"""func.func @main(%x: {x}, %y: {y}) {{
  %zero = arith.constant 0 : index
  %passed = arith.constant dense<{passed}> : {loaded}{"".join(lines)}
  func.return
}}"""


@pytest.mark.parametrize("passed", [0, 7])
@pytest.mark.parametrize(("wide", "narrow"), NARROWED)
def test_other_lanes_are_what_was_passed(wide: str, narrow: str, passed: int) -> None:
    for width in WIDTHS.get(narrow, (8, 16)):
        masks, lanes = masks_of(width)
        x = np.tile(np.arange(1, width + 1), (len(masks), 1)).astype(DTYPES[narrow])
        y = np.empty((len(masks), width), DTYPES[wide])
        number = str(passed) if wide.startswith("i") else f"{passed}.0"
        compile_text(widening(wide, narrow, width, masks, number))(x, y)
        np.testing.assert_array_equal(y.astype(np.int64), np.where(lanes, x.astype(np.int64), passed))


def test_bf16_is_moved_as_words() -> None:
    mask = "%size = arith.constant 5 : index\n  %m = vector.create_mask %size"
    masked = [
        line for line in print_text(narrowing("f32", "bf16", 8, [mask])).splitlines() if "llvm.masked" in line
    ]
    assert len(masked) == 2  # the call and the declaration
    assert all("v8i16" in line and "bfloat" not in line for line in masked)
