"""Calls of native code from Python: arrays are checked, results made and locks held by one native function."""
