"""What holds for every GPU: limits of a block, and how many blocks there should be."""

from __future__ import annotations

SHARED_BYTES = 48 << 10
"""The shared memory that every device gives a block without being asked."""
MOST_THREADS = 1024
"""The most threads of a block."""
BUSY_BLOCKS = 128
"""So many blocks keep a large device busy: where there would be fewer, threads do less each."""
