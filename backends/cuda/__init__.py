"""Level `gpu` printed as CUDA C++, and NVRTC to compile the text. No device runs it yet: no launch, no memory of one.

The text runs on the CPU in `backends/fibers`; the emulator in `backends/simt` runs the same level on NumPy.
"""
