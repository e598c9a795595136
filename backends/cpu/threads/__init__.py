"""The threads of the process that share the iterations of `scf.parallel`: what they run, and how many there are."""
