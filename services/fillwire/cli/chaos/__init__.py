"""Break the running system in every way we can name, and count what became of each execution.

plan ──▶ run ──▶ stage (real processes) ◀── faults
          │
          └──▶ judge (what was emitted against what was told) ──▶ report
"""
