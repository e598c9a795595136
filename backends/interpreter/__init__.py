"""The interpreter of level `loops`: `scf`, `memref`, `arith`, `math` and `vector` on NumPy, every access checked.

Its table of scalar meanings serves the emulator of GPUs as well, which is in `backends/simt`.
"""
