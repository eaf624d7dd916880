"""Randomness for tags, branches and Call-IDs: the operating system's, so that nobody can guess a dialog."""

from __future__ import annotations

import os

_STOCK_BYTES = 4096


class Chance:
    """What the SIP stack is handed as its source of randomness (tests hand in a seeded one). Asks the system for a
    stock at a time: a call takes a dozen tokens, and a system call for each is dear."""

    def __init__(self) -> None:
        self._stock = b""
        self._used = 0

    def getrandbits(self, k: int, /) -> int:
        size = (k + 7) // 8
        if self._used + size > len(self._stock):
            self._stock = os.urandom(max(_STOCK_BYTES, size))
            self._used = 0
        start = self._used
        self._used = start + size
        return int.from_bytes(self._stock[start : self._used], "big") >> (size * 8 - k)
