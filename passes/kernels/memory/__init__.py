"""Memory planning: which value lies in which buffer, from liveness, reuse and updates in place."""
