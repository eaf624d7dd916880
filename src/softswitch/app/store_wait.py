"""A start while the database is away, and calls wait in the media process for their switch.

    opened ──away, calls wait──► tried again each half second ──there──► the calls go on
                                      └── for as long as their audio does (`media: grace:`) ──► StoreAway

Without calls that wait, a start fails at once; so it does when it is told to stop. Nothing is told to the media process
meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from softswitch.store.errors import StoreAway, StoreError
from softswitch.store.store import Store

log = structlog.get_logger()

TRY_AGAIN_SECONDS = 0.5


async def opened(url: str, patience_seconds: float, stop: asyncio.Event | None = None) -> Store:
    """Raises StoreError. `stop`: nobody wants the switch any more."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_seconds
    told = False
    while True:
        store = Store(url)
        try:
            await store.open()
        except StoreAway as problem:
            if loop.time() >= until or stop.is_set():
                raise
            if not told:
                because = str(problem)
                log.warning("calls wait for the database", at_most_seconds=round(patience_seconds), because=because)
                told = True
        else:
            if told:
                log.warning("the database is back, and calls go on")
            return store
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TRY_AGAIN_SECONDS)
            raise StoreError("The switch was told to stop before the database was there.")
