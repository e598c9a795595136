"""Symbols that native code and what it is loaded into agree on."""

ASK = "pb.interrupted"
"""The function that asks Python for signals: it returns 0, or else the step is to end."""
OUT_OF_MEMORY = "pb.out_of_memory"
"""The function that tells Python that there is no memory for so many bytes, `(ptr bytes)`; the step is to end."""
RUN = "pb.parallel"
"""Runs a body: `(ptr body, ptr captured, i64 iterations, i64 nanoseconds)`, the last an estimate for all iterations."""
