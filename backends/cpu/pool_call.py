"""The function of the pool of threads that native code calls."""

from __future__ import annotations

RUN = "pb.parallel"
"""Runs a body: `(ptr body, ptr captured, i64 iterations, i64 nanoseconds)`, the last an estimate for all iterations."""
RUN_DECLARATION = f"declare void @{RUN}(ptr, ptr, i64, i64)"
