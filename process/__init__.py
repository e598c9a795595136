"""What concerns the process as a whole: locks that a fork leaves free, and signals that wait until a step may stop."""
