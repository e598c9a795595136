"""Checkpoints: the contents of variables and the states of random numbers in a file that is replaced atomically.

The file format is in `tensor_file.py`, replacing a file in `replaced_file.py`; both know nothing of training.
"""
