"""The CUDA C++ text itself, run on a CPU: compiled by the machine's C++ compiler, each thread of a block a fiber.

The text is not changed: `device/` says what the words of CUDA mean, and schedules the fibers. `backends/simt` checks
what the IR does access by access; this checks what the text says, in several orders of threads.
"""
