"""Fit the weights of `safety.meaning` on the examples. Never imported when a message is screened.

Rule: everything here is deterministic, and what judges a line was never fitted on that line, on a
noisy copy of it, or on a line worded like it.
"""
