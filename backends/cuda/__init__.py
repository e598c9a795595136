"""Level `gpu` printed as CUDA C++, and NVRTC to compile the text. It is not run: no launch, no memory of a device.

The emulator in `backends/simt` runs the same level on NumPy.
"""
