"""`pullback-reduce`: shrinks a program while a symptom stays, as `llvm-reduce` and C-Reduce do (delta debugging).

`command_line` reads the options and writes the result. `search` tries candidates: copies of the smallest program so far
with edits of one kind, in large groups first. The kinds are in `reductions`. A candidate is verified, must be smaller
(`program_size`), and is given to the test: a command (`command_test`), or a built-in one (`built_in_test`), which
looks for one of the `symptoms` in a process of its own (`isolation`). `settings` joins the options with those of a
reproducer.
"""
