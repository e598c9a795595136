"""Faults that a test plants: what devices do now and then, and programs must survive."""

from __future__ import annotations

from dataclasses import dataclass, field

from pullback.tests.cuda_core.errors import DESCRIPTIONS, CUDAError, cuda_error


@dataclass
class Countdown:
    """Happens once, at the nth of what is counted from now on."""

    left: int
    error: str

    def __post_init__(self) -> None:
        assert self.left > 0 and self.error in DESCRIPTIONS


@dataclass
class Faults:
    """What goes wrong. A method plants a fault, and n counts from the call: the next one is the first."""

    _allocation: Countdown | None = None
    _launch: Countdown | None = None
    _copy: Countdown | None = None
    _kernels: dict[str, str] = field(default_factory=dict)
    _missing: set[str] = field(default_factory=set)
    _instantiation: Countdown | None = None
    _log: str | None = None

    def fail_allocation(self, n: int = 1, error: str = "CUDA_ERROR_OUT_OF_MEMORY") -> None:
        """Let the nth allocation fail, of device memory or of pinned."""
        self._allocation = Countdown(n, error)

    def fail_launch(self, n: int = 1, error: str = "CUDA_ERROR_ILLEGAL_ADDRESS") -> None:
        """Let the nth kernel that runs fail, which is told at a later wait."""
        self._launch = Countdown(n, error)

    def fail_kernel(self, name: str, error: str = "CUDA_ERROR_ILLEGAL_ADDRESS") -> None:
        """Let this kernel fail whenever it runs."""
        assert error in DESCRIPTIONS
        self._kernels[name] = error

    def fail_copy(self, n: int = 1, error: str = "CUDA_ERROR_UNKNOWN") -> None:
        """Let the nth copy that runs fail, which is told at a later wait."""
        self._copy = Countdown(n, error)

    def fail_instantiation(self, n: int = 1, error: str = "CUDA_ERROR_OUT_OF_MEMORY") -> None:
        """Let the nth instantiation of a graph fail."""
        self._instantiation = Countdown(n, error)

    def lose_kernel(self, name: str) -> None:
        """Let programs have no kernel of this name."""
        self._missing.add(name)

    def fail_compilation(self, log: str) -> None:
        """Let NVRTC refuse every program, with this log."""
        self._log = log

    def clear(self) -> None:
        """Take all faults back."""
        self.__init__()

    # ---- what the stand-in asks ---------------------------------------------------------------------------

    def allocation(self) -> CUDAError | None:
        self._allocation, error = _next(self._allocation)
        return error

    def launch(self, kernel: str) -> CUDAError | None:
        self._launch, error = _next(self._launch)
        if error is None and kernel in self._kernels:
            return cuda_error(self._kernels[kernel], "planted")
        return error

    def copy(self) -> CUDAError | None:
        self._copy, error = _next(self._copy)
        return error

    def instantiation(self) -> CUDAError | None:
        self._instantiation, error = _next(self._instantiation)
        return error

    def is_missing(self, kernel: str) -> bool:
        return kernel in self._missing

    @property
    def log(self) -> str | None:
        return self._log


def _next(fault: Countdown | None) -> tuple[Countdown | None, CUDAError | None]:
    if fault is None:
        return None, None
    if fault.left == 1:
        return None, cuda_error(fault.error, "planted")
    return Countdown(fault.left - 1, fault.error), None
