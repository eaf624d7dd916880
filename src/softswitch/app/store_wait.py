"""A start while the database is away, and calls wait in the media process for their switch.

    opened ──away, calls wait──► tried again each half second ──there──► the calls go on
                                      └── for as long as their audio does (`media: grace:`) ──► StoreAway

Without calls that wait, a start fails at once. Nothing is told to the media process meanwhile.
"""

from __future__ import annotations

import asyncio

import structlog

from softswitch.store.errors import StoreAway
from softswitch.store.store import Store

log = structlog.get_logger()

TRY_AGAIN_SECONDS = 0.5


async def opened(url: str, patience_seconds: float) -> Store:
    """Raises StoreError."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_seconds
    told = False
    while True:
        store = Store(url)
        try:
            await store.open()
        except StoreAway as problem:
            if loop.time() >= until:
                raise
            if not told:
                because = str(problem)
                log.warning("calls wait for the database", at_most_seconds=round(patience_seconds), because=because)
                told = True
        else:
            if told:
                log.warning("the database is back, and calls go on")
            return store
        await asyncio.sleep(TRY_AGAIN_SECONDS)
