"""Why the switch does not start: errors an operator reads, each one clear sentence and never a traceback."""

from __future__ import annotations


class StartError(Exception):
    """The switch cannot start. `str()` is one sentence for the operator: what is wrong and, where it helps, what
    to do about it."""
