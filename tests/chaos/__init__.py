"""Chaos: agents at work and people who decide, while processes are killed. `python -m tests.chaos`.

`docs/durability.md` says what is promised and what each rule of the table means.
"""
