"""Programs: CUDA C++ is compiled for fibers, and a cubin is the text, sealed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

from pullback.backends.fibers.compile_text import CompileError, compile_text
from pullback.backends.fibers.kernel_library import Library, load
from pullback.tests.cuda_core.errors import NVRTCError, cuda_error
from pullback.tests.cuda_core.machine import Bound, Machine, options_of

OLDEST = 75
"""The first architecture that NVRTC compiles for."""
MAGIC = b"\x7fELF stand-in\n"
SIZES = {
    **dict.fromkeys(("bool", "char", "signed char", "unsigned char"), 1),
    **dict.fromkeys(("short", "unsigned short"), 2),
    **dict.fromkeys(("int", "unsigned", "unsigned int", "float"), 4),
    **dict.fromkeys(("long long", "unsigned long long", "long", "unsigned long", "double", "size_t"), 8),
}
"""Bytes of the parameters that kernels have."""
_KERNEL = re.compile(
    r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\(\s*(\d+)[^)]*\)\s*)?(\w+)\s*\(([^)]*)\)'
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_OPTIONS = (
    "relocatable_device_code extensible_whole_program debug lineinfo device_code_optimize ptxas_options "
    "max_register_count ftz prec_sqrt prec_div fma use_fast_math extra_device_vectorization "
    "link_time_optimization gen_opt_lto define_macro undefine_macro include_path use_bundled_headers pre_include "
    "no_source_include std builtin_move_forward builtin_initializer_list disable_warnings restrict "
    "device_as_default_execution_space device_int128 optimization_info no_display_error_number diag_error "
    "diag_suppress diag_warn brief_diagnostics time split_compile fdevice_syntax_only minimal no_cache "
    "fdevice_time_trace device_float128 frandom_seed ofast_compile pch create_pch use_pch pch_dir pch_verbose "
    "pch_messages instantiate_templates_in_pch extra_sources use_libdevice numba_debug"
)
ProgramOptions = make_dataclass(
    "ProgramOptions",
    [("name", "str | None", field(default="default_program")), ("arch", "str | None", field(default=None))]
    + [(name, Any, field(default=None)) for name in _OPTIONS.split()],
    namespace={"__doc__": "What NVRTC is asked for; the stand-in heeds the architecture."},
)


@dataclass(frozen=True)
class Signature:
    """What the text says of a kernel. The size of a parameter is None where its type is not known here."""

    name: str
    threads: int
    parameters: tuple[str, ...]

    @property
    def sizes(self) -> list[int | None]:
        return [8 if self.is_pointer(at) else SIZES.get(self._type(at)) for at in range(len(self.parameters))]

    def is_pointer(self, at: int) -> bool:
        return "*" in self.parameters[at]

    def is_constant(self, at: int) -> bool:
        """Whether the kernel only reads what a pointer points to."""
        return re.search(r"\bconst\b", self.parameters[at].partition("*")[0]) is not None

    def _type(self, at: int) -> str:
        words = re.sub(r"\b(const|__restrict__|volatile)\b", " ", self.parameters[at]).split()
        return " ".join(words[:-1])


def signatures(text: str) -> dict[str, Signature]:
    """The kernels that a text defines."""
    found = dict[str, Signature]()
    for threads, name, parameters in _KERNEL.findall(_COMMENT.sub(" ", text)):
        given = tuple(each.strip() for each in parameters.split(",") if each.strip() not in ("", "void"))
        found[name] = Signature(name, int(threads or 1024), given)
    return found


class Program(Bound):
    """A text that NVRTC would compile."""

    def __init__(self, code: str | bytes, code_type: str, options: Any | None = None) -> None:
        self._options = options_of(ProgramOptions, options, "Program options")
        if not isinstance(code, str):
            raise TypeError(f"Expected type str, but got {type(code).__name__}")
        if code_type != "c++":
            raise RuntimeError(f"Unsupported {code_type=} (supported_code_types=('c++', 'ptx', 'nvvm'))")
        self._code, self._closed = code, False
        self._architecture = self._options.arch or f"sm_{self._machine.types['Device']().arch}"

    @property
    def backend(self) -> str:
        return "NVRTC"

    @property
    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def compile(
        self, target_type: str, name_expressions: Any = (), logs: Any = None, *, cache: Any | None = None
    ) -> ObjectCode:
        if target_type != "cubin":
            raise ValueError(f'Unsupported target_type="{target_type}" for NVRTC (supported: cubin)')
        found = re.fullmatch(r"sm_(\d+)[af]?", self._architecture)
        if found is None or int(found[1]) < OLDEST:
            raise NVRTCError(
                "5: NVRTC_ERROR_INVALID_OPTION, compilation log:\n\n"
                "nvrtc: error: invalid value for --gpu-architecture (-arch)\n"
            )
        if self._machine.faults.log is not None:
            raise _refused(self._machine.faults.log)
        try:
            compile_text(self._code, list(signatures(self._code)))
        except CompileError as error:
            raise _refused(str(error)) from None
        code = seal({"architecture": self._architecture, "text": self._code})
        return self._machine.types["ObjectCode"]._made(code, self._options.name, {})


def _refused(log: str) -> NVRTCError:
    return NVRTCError(f"6: NVRTC_ERROR_COMPILATION, compilation log:\n\n{log}\n")


class ObjectCode(Bound):
    """A cubin. It is loaded when a kernel is first asked for, as the real one is."""

    _code: bytes
    _name: str
    _mapping: dict[str, str]
    _module: Module | None

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("ObjectCode objects cannot be instantiated directly. Please use ObjectCode APIs.")

    @classmethod
    def _made(cls, code: bytes, name: str, symbol_mapping: dict[str, str]) -> ObjectCode:
        self = object.__new__(cls)
        self._code, self._name, self._mapping = code, name, symbol_mapping
        self._module = None
        return self

    @classmethod
    def _bound(cls, machine: Machine) -> dict[str, object]:
        def from_cubin(
            module: bytes | str | os.PathLike[str],
            *,
            name: str = "",
            symbol_mapping: dict[str, str] | None = None,
        ) -> ObjectCode:
            code = module if isinstance(module, bytes) else Path(module).read_bytes()
            return machine.types["ObjectCode"]._made(code, name, symbol_mapping or {})

        return {"from_cubin": staticmethod(from_cubin)}

    @property
    def code(self) -> bytes:
        return self._code

    @property
    def code_type(self) -> str:
        return "cubin"

    @property
    def name(self) -> str:
        return self._name

    @property
    def symbol_mapping(self) -> dict[str, str]:
        return self._mapping

    def get_kernel(self, name: str | bytes) -> Kernel:
        self._machine.initialize()
        if self._module is None:
            self._module = Module(self._code, self._machine.architecture)
        text = name.decode() if isinstance(name, bytes) else name
        text = self._mapping.get(text, text)
        if text not in self._module.kernels or self._machine.faults.is_missing(text):
            raise cuda_error("CUDA_ERROR_NOT_FOUND", text)
        return self._machine.types["Kernel"]._made(self._module, self._module.kernels[text])


class Module:
    """A cubin that is loaded."""

    def __init__(self, code: bytes, architecture: tuple[int, int]) -> None:
        content = unseal(code)
        number = int(re.sub(r"\D", "", content["architecture"]))
        if number // 10 != architecture[0] or number % 10 > architecture[1]:
            raise cuda_error("CUDA_ERROR_NO_BINARY_FOR_GPU", content["architecture"])
        self.kernels = signatures(content["text"])
        self.library: Library = load(compile_text(content["text"], list(self.kernels)))


def seal(content: dict[str, str]) -> bytes:
    """The bytes of a cubin; `unseal` refuses them when one is changed."""
    body = json.dumps(content).encode()
    return MAGIC + hashlib.sha256(body).digest() + body


def unseal(code: bytes) -> dict[str, str]:
    digest, body = code[len(MAGIC) : len(MAGIC) + 32], code[len(MAGIC) + 32 :]
    if not code.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
        raise cuda_error("CUDA_ERROR_INVALID_IMAGE")
    return json.loads(body)


class KernelAttributes:
    """What a kernel needs of a device."""

    _signature: Signature

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("KernelAttributes cannot be instantiated directly. Please use Kernel APIs.")

    @classmethod
    def _made(cls, signature: Signature) -> KernelAttributes:
        self = object.__new__(cls)
        self._signature = signature
        return self

    def __getitem__(self, device: Any) -> KernelAttributes:
        return self

    @property
    def max_threads_per_block(self) -> int:
        return self._signature.threads

    @property
    def local_size_bytes(self) -> int:
        return 0

    @property
    def num_regs(self) -> int:
        return 32


class Kernel(Bound):
    """A kernel of a cubin that is loaded."""

    _module: Module
    _signature: Signature

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("Kernel objects cannot be instantiated directly. Please use Kernel APIs.")

    @classmethod
    def _made(cls, module: Module, signature: Signature) -> Kernel:
        self = object.__new__(cls)
        self._module, self._signature = module, signature
        return self

    @property
    def handle(self) -> int:
        return id(self._signature)

    @property
    def num_arguments(self) -> int:
        return len(self._signature.parameters)

    @property
    def attributes(self) -> KernelAttributes:
        return KernelAttributes._made(self._signature)
