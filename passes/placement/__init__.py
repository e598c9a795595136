"""Placement: the device of every operation, and copies between the memories of devices.

`place_devices` is the pass. `device_requests` reads what a program asks for, `assign_devices` decides for each
operation, and `insert_copies` writes that down.
"""
