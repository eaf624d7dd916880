"""Monotonic seconds of the event loop against wall-clock seconds: joined here and nowhere else.

Timers run on monotonic time alone, so a jump of the wall clock drops no call. The offset is looked at again every
few seconds, so that records written after a correction carry the corrected time.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from zoneinfo import ZoneInfo

_LOOK_AGAIN_SECONDS = 10.0


class Clock:
    """`wall(monotonic)` and back, and the line's local time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timezone: str) -> None:
        self._loop = loop
        self._zone = ZoneInfo(timezone)
        self._offset = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._look()

    def _look(self) -> None:
        self._offset = time.time() - self._loop.time()
        self._handle = self._loop.call_later(_LOOK_AGAIN_SECONDS, self._look)

    def now(self) -> float:
        return self._loop.time()

    def wall(self, monotonic: float) -> float:
        return monotonic + self._offset

    def monotonic(self, wall: float) -> float:
        return wall - self._offset

    def local(self, wall: float) -> datetime:
        return datetime.fromtimestamp(wall, self._zone)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
