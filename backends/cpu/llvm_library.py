"""The functions of LLVM that turn IR into an object file, called without llvmlite's lock.

llvmlite holds one lock around every call of its shared library, so two threads that compile gain nothing. LLVM itself
asks for no more than a context and a target machine for each thread. These are the few functions that compiling needs,
of the same library, bound a second time: what llvmlite binds stays as it is, and whatever else uses it is not affected.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from ctypes import c_bool, c_char_p, c_int, c_size_t, c_void_p
from functools import cache
from typing import Any

from llvmlite.binding import ffi

# The lowering has chosen vectors, accumulators and unrolling; LLVM is to inline, hoist and simplify. Its pipeline for
# functions does that. The one for modules takes twice as long, for passes between functions and for loops, which are
# to stay as they are; steps of networks are not faster for it. Without LICM a load stays in a loop that does not change
# it (+10 %).
OPTIMIZATION_LEVEL = 1
CODE_GENERATION_LEVEL = 3


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    function = _library()[f"LLVMPY_{name}"]
    function.restype, function.argtypes = result, arguments
    return function


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(ffi.lib._name)  # pyright: ignore[reportPrivateUsage] ctypes has no other word for its path


class LLVM:
    """The functions, bound; pointers are plain addresses. `llvm_functions` has the one object."""

    def __init__(self) -> None:
        text = ctypes.POINTER(c_char_p)
        self.dispose_string = _function("DisposeString", None, c_char_p)
        self.create_context = _function("ContextCreate", c_void_p)
        self.dispose_context = _function("ContextDispose", None, c_void_p)
        self.parse = _function("ParseAssembly", c_void_p, c_void_p, c_char_p, text)
        self.dispose_module = _function("DisposeModule", None, c_void_p)
        self.set_triple = _function("SetTarget", None, c_void_p, c_char_p)
        self.set_layout = _function("SetDataLayout", None, c_void_p, c_char_p)
        self.functions = _function("ModuleFunctionsIter", c_void_p, c_void_p)
        self.next_function = _function("FunctionsIterNext", c_void_p, c_void_p)
        self.dispose_functions = _function("DisposeFunctionsIter", None, c_void_p)
        self.is_declaration = _function("IsDeclaration", c_int, c_void_p)
        self.create_tuning = _function("CreatePipelineTuningOptions", c_void_p)
        self.dispose_tuning = _function("DisposePipelineTuningOptions", None, c_void_p)
        self.off_in_tuning = tuple(
            _function(f"PTOSet{name}", None, c_void_p, c_bool)
            for name in ("LoopVectorization", "SLPVectorization", "LoopUnrolling")
        )
        self.create_passes = _function("CreatePassBuilder", c_void_p, c_void_p, c_void_p)
        self.dispose_passes = _function("DisposePassBuilder", None, c_void_p)
        self.create_module_passes = _function("CreateNewModulePassManager", c_void_p)
        self.dispose_module_passes = _function("DisposeNewModulePassManger", None, c_void_p)
        self.add_always_inliner = _function("module_AddAlwaysInlinerPass", None, c_void_p)
        self.add_dead_functions = _function("module_AddGlobalDCEPass", None, c_void_p)
        self.run_on_module = _function("RunNewModulePassManager", None, c_void_p, c_void_p, c_void_p)
        self.create_function_passes = _function(
            "buildFunctionSimplificationPipeline", c_void_p, c_void_p, c_int
        )
        self.dispose_function_passes = _function("DisposeNewFunctionPassManger", None, c_void_p)
        self.run_on_function = _function("RunNewFunctionPassManager", None, c_void_p, c_void_p, c_void_p)
        self.target = _function("GetTargetFromTriple", c_void_p, c_char_p, text)
        self.create_machine = _function(
            "CreateTargetMachine", c_void_p, c_void_p, c_char_p, c_char_p, c_char_p, c_int,
            c_char_p, c_char_p, c_int, c_int, c_char_p,
        )  # fmt: skip
        self.emit = _function("TargetMachineEmitToMemory", c_void_p, c_void_p, c_void_p, c_int, text)
        self.buffer_start = _function("GetBufferStart", c_void_p, c_void_p)
        self.buffer_size = _function("GetBufferSize", c_size_t, c_void_p)
        self.dispose_buffer = _function("DisposeMemoryBuffer", None, c_void_p)


@cache
def llvm_functions() -> LLVM:
    """The functions, bound once."""
    return LLVM()


class RefusedError(Exception):
    """LLVM's own message about what it has refused."""


@contextmanager
def message() -> Generator[c_char_p]:
    """A pointer for LLVM's message; raises `RefusedError` at the end if there is one."""
    found = c_char_p()
    yield found
    if found:
        text = (found.value or b"").decode(errors="replace")
        llvm_functions().dispose_string(found)
        raise RefusedError(" ".join(text.split()))


class Machine:
    """LLVM's description of this machine, for one thread at a time. It is never disposed of: few are made, and kept."""

    def __init__(self, triple: str, layout: str, cpu: str, features: str) -> None:
        functions = llvm_functions()
        self.triple, self.layout = triple.encode(), layout.encode()
        with message() as text:
            target = functions.target(self.triple, ctypes.byref(text))
        self.pointer = functions.create_machine(
            target, self.triple, cpu.encode(), features.encode(), CODE_GENERATION_LEVEL,
            b"pic", b"default", False, True, b"",
        )  # fmt: skip
        if not self.pointer:
            raise RefusedError(f"LLVM makes no code for {triple}")


def emit(text: str, machine: Machine, between: Callable[[], None]) -> bytes:
    """The object file of a module of LLVM IR.

    Args:
        text: the module.
        machine: no other thread may use it meanwhile.
        between: is called between steps, of which each takes a while; what it raises ends the work.

    Raises:
        RefusedError: LLVM refuses the text.
    """
    f = llvm_functions()
    with ExitStack() as stack:

        def owned(pointer: int, dispose: Callable[[int], None]) -> int:
            stack.callback(dispose, pointer)
            return pointer

        context = owned(f.create_context(), f.dispose_context)
        with message() as refusal:
            module = f.parse(context, text.encode(), ctypes.byref(refusal))
        owned(module, f.dispose_module)
        f.set_triple(module, machine.triple)
        f.set_layout(module, machine.layout)
        tuning = owned(f.create_tuning(), f.dispose_tuning)
        for turn in f.off_in_tuning:
            turn(tuning, False)
        passes = owned(f.create_passes(machine.pointer, tuning), f.dispose_passes)
        first = owned(f.create_module_passes(), f.dispose_module_passes)
        f.add_always_inliner(first)
        f.add_dead_functions(first)
        f.run_on_module(first, module, passes)
        simplify = owned(f.create_function_passes(passes, OPTIMIZATION_LEVEL), f.dispose_function_passes)
        functions = owned(f.functions(module), f.dispose_functions)
        while function := f.next_function(functions):
            if not f.is_declaration(function):
                between()
                f.run_on_function(simplify, function, passes)
        between()
        with message() as refusal:
            buffer = f.emit(machine.pointer, module, True, ctypes.byref(refusal))
        owned(buffer, f.dispose_buffer)
        return ctypes.string_at(f.buffer_start(buffer), f.buffer_size(buffer))
