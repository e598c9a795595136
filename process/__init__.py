"""The process as a whole: locks that a fork leaves free, signals put off until a step may stop, whole files."""
