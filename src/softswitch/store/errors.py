"""Errors of the store. `str()` of each is one sentence for the operator."""

from __future__ import annotations

from softswitch.call.errors import StartError


class StoreError(StartError):
    """The database cannot be opened, is away, or did not take a record that had to be durable."""


class StoreAway(StoreError):
    """It cannot be reached now, and may be there again in a moment."""
