"""Whatever values and kernels are called, the text compiles: no name is a word, a function or a macro of CUDA."""

from __future__ import annotations

import re
from itertools import cycle

import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda.expressions import EXPRESSIONS
from pullback.backends.cuda.functions import FUNCTIONS
from pullback.backends.cuda.identifiers import RESERVED, Identifiers
from pullback.backends.cuda.program_source import cuda_source, kernel_names
from pullback.backends.cuda_runtime.compile_kernels import compile_to_cubin
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.tests.backends.cuda import scalar_ops
from pullback.tests.compiled_kernels import needs_nvrtc

NAMES = (
    *sorted(FUNCTIONS),
    *sorted(RESERVED - FUNCTIONS),
    *(
        "NULL",
        "half",
        "float4",
        "int4",
        "dim3",
        "uint",
        "size_t",
        "int8_t",
        "atomicAdd",
        "clock",
        "printf",
        "malloc",
    ),
    *(
        "INFINITY",
        "NAN",
        "M_PI",
        "M_PIf",
        "CHAR_BIT",
        "I",
        "cudaStreamDefault",
        "__shfl_sync",
        "__int_as_float",
    ),
    *(
        "é",
        "π_2",
        "x-y",
        "1a",
        "",
        "_",
        "__x",
        "x__y",
        "_Bool",
        "T",
        "N",
        "at",
        "lane",
        "thread",
        "block",
        "std",
    ),
    *("main_kernel_0", "min", "max", "__syncthreads"),
)
"""Names that are something else to a compiler of CUDA, or no names to it at all."""


def named_badly(module: ModuleOp) -> ModuleOp:
    """The same module, each of whose values has one of the names."""
    names = cycle(NAMES)
    for op in module.walk():
        for block in (block for region in op.regions for block in region.blocks):
            for argument in block.args:
                argument._name = next(names)
        for result in op.results:
            result._name = next(names)
    return module


def test_every_expression_has_a_case() -> None:
    tried = {case.op.split()[0] for case in scalar_ops.cases()} | {"vector.fma"}
    assert {name for name in EXPRESSIONS if not name.startswith("gpu.")} <= tried


@needs_nvrtc
@pytest.mark.parametrize(
    ("architecture", "bits", "constants"),
    [
        ("sm_80", 64, True),
        ("sm_90", 32, False),
        pytest.param("sm_80", 32, True, marks=pytest.mark.slow),
        pytest.param("sm_90", 64, False, marks=pytest.mark.slow),
    ],
)
def test_scalar_ops_on_values_of_any_name(architecture: str, bits: int, constants: bool) -> None:
    module = scalar_ops.module(scalar_ops.cases(), constants=constants)
    text = cuda_source(scalar_ops.with_index_bits(named_badly(module), bits))
    compile_to_cubin(text, architecture)


@needs_nvrtc
@pytest.mark.parametrize(("architecture", "lanes"), [("sm_80", 2), ("sm_90", 4)])
def test_vectors(architecture: str, lanes: int) -> None:
    chosen = scalar_ops.on_vectors()[lanes // 4 :: 2]
    compile_to_cubin(cuda_source(named_badly(scalar_ops.module(chosen, lanes))), architecture)


def test_what_is_called_is_reserved() -> None:
    text = cuda_source(scalar_ops.plain())
    called = set(
        re.findall(r"\b([A-Za-z]\w*)(?:<[\w ]+>)?\(", re.sub(r"(?m)^extern.*$|^template.*$", "", text))
    )
    assert called - {"for", "if", "float", "double", "unsigned"} <= FUNCTIONS


@pytest.mark.parametrize("name", NAMES)
def test_identifiers(name: str) -> None:
    names = Identifiers()
    first, second = names.fresh(name), names.fresh(name)
    assert first != second
    for made in (first, second):
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", made)
        assert made not in RESERVED


@needs_nvrtc
def test_kernels_and_constants_of_any_name() -> None:
    symbols = [*NAMES, "main_kernel_0", "kernel", "é_kernel", "constant"]
    types = "memref<2xf32>", "memref<2xf32, 3>"
    parts = [
        f"""memref.global "private" constant @"{s}_1" : {types[0]} = dense<1.0>
        memref.global "private" @"{s}_2" : {types[1]} = uninitialized
        gpu.func @"{s}"(%y: {types[0]}) kernel {{
          %i = gpu.thread_id x
          %c = memref.get_global @"{s}_1" : {types[0]}
          %s = memref.get_global @"{s}_2" : {types[1]}
          %v = memref.load %c[%i] : {types[0]}
          memref.store %v, %s[%i] : {types[1]}
          memref.store %v, %y[%i] : {types[0]}
          gpu.return
        }}"""
        for s in symbols
        if s
    ]
    text = f"builtin.module attributes {{gpu.container_module}} {{ gpu.module @kernels {{ {' '.join(parts)} }} }}"
    module = named_badly(parse(context(), text).module)
    names = [*kernel_names(module).values()]
    assert len({*names}) == len(names) == len(symbols) - 1
    assert all("kernel" in name for name in names)
    compile_to_cubin(cuda_source(module))
