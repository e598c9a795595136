"""Runs level `gpu` on NVIDIA devices through `cuda.core`, which one module imports, when it is first used."""
