"""Executors and printers of levels: an evaluator, an interpreter, an emulator, native code, CUDA C++.

Backends know the dialects, and no pass. Which passes come before which backend is said in `driver`.
"""
