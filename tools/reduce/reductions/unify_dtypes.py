"""Replaces floating-point dtypes by f32 everywhere, so that a program has fewer of them."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32, f64
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.types import complex64, complex128
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, functions_in
from pullback.tools.reduce.reductions.retyping import Retyping

SIMPLER: dict[Attribute, Attribute] = {f64: f32, f16: f32, bf16: f32, complex128: complex64}


def _edits(module: ModuleOp) -> list[Edit]:
    def of(old: Attribute, new: Attribute) -> Edit:
        def edit() -> None:
            Retyping(element_type=lambda type_: new if type_ == old else type_).run(module)
            for function in functions_in(module):
                function.update_function_type()

        return edit

    return [of(old, new) for old, new in SIMPLER.items()]


DTYPES = ReductionKind("use fewer dtypes", _edits)
