"""The emulator of GPUs: level `gpu` on NumPy, all lanes of many blocks at once, with checks of bounds, races, barriers.

What one `arith` or `math` operation means comes from `backends/interpreter`. It is a target of its own and
needs no GPU.
"""
