"""Plug-ins: what other packages bring, registered for the process by `register` or found by entry points."""
