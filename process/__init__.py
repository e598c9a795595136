"""State of the process as a whole: locks that a fork leaves free, and signals deferred until a step may stop."""
