"""Limits of GPUs that hold for every device."""

from __future__ import annotations

SHARED_BYTES = 48 << 10
"""The shared memory that every device gives a block without being asked."""
MOST_THREADS = 1024
"""The most threads of a block."""
