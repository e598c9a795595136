"""Compiled code that is kept between processes, in a folder that nobody else can write to."""
