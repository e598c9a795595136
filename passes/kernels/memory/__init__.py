"""Memory planning: which value is in which buffer, from liveness, reuse and updates in place."""
