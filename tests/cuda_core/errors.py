"""What calls of the stand-in raise: the errors of CUDA, and what no device would tell."""

from __future__ import annotations

DESCRIPTIONS = {
    "CUDA_ERROR_INVALID_VALUE": "invalid argument",
    "CUDA_ERROR_OUT_OF_MEMORY": "out of memory",
    "CUDA_ERROR_NO_DEVICE": "no CUDA-capable device is detected",
    "CUDA_ERROR_DEVICE_UNAVAILABLE": "CUDA-capable device(s) is/are busy or unavailable",
    "CUDA_ERROR_INVALID_IMAGE": "device kernel image is invalid",
    "CUDA_ERROR_INVALID_CONTEXT": "invalid device context",
    "CUDA_ERROR_NO_BINARY_FOR_GPU": "no kernel image is available for execution on the device",
    "CUDA_ERROR_INVALID_HANDLE": "invalid resource handle",
    "CUDA_ERROR_NOT_FOUND": "named symbol not found",
    "CUDA_ERROR_ILLEGAL_ADDRESS": "an illegal memory access was encountered",
    "CUDA_ERROR_LAUNCH_FAILED": "unspecified launch failure",
    "CUDA_ERROR_UNKNOWN": "unknown error",
}
"""What the driver says of each."""


class CUDAError(Exception):
    """A call of CUDA failed; the message begins with the name of the error."""


class NVRTCError(CUDAError):
    """NVRTC refused a program; the message has its log."""


class DynamicLibNotFoundError(RuntimeError):
    """There is no NVIDIA driver."""


class MisuseError(AssertionError):
    """The program did what CUDA leaves undefined, and what a device would not report."""


def cuda_error(name: str, why: str = "") -> CUDAError:
    """The error of the driver that has this name; `why` is what the stand-in knows beyond it."""
    return CUDAError(f"{name}: {DESCRIPTIONS[name]}{f' ({why})' if why else ''}")


def no_driver() -> DynamicLibNotFoundError:
    """What each call raises on a machine without a driver."""
    return DynamicLibNotFoundError(
        '"cuda" is an NVIDIA driver library and can only be found via system search. '
        "Ensure the NVIDIA display driver is installed."
    )
