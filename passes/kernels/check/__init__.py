"""Checks of level `kernels`: whether the schedules and the memory plan of a text fit the program.

A text may have been edited by hand, so lowerings rely on these checks and repeat none.
"""
