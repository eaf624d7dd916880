"""Security events for the log: one structured line each, but a flood of them never becomes a flood of lines.

Each kind may write a burst of lines and then a few per second; what was left out is said with the next line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from softswitch.sip.messages import SecurityEvent

log = structlog.get_logger()

_BURST = 50.0
_PER_SECOND = 5.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    left_out: int = 0


class SecurityLog:
    """An effect for `SecurityEvent`. The kinds are a small fixed set of the SIP room."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def write(self, event: SecurityEvent) -> None:
        now = self._clock()
        bucket = self._buckets.setdefault(event.kind, _Bucket(_BURST, now))
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.filled_at) * _PER_SECOND)
        bucket.filled_at = now
        if bucket.tokens < 1.0:
            bucket.left_out += 1
            return
        bucket.tokens -= 1.0
        log.warning(
            "security",
            kind=event.kind,
            source=f"{event.source[0]}:{event.source[1]}" if event.source[0] else "",
            account=event.account,
            detail=event.detail,
            left_out=bucket.left_out,
        )
        bucket.left_out = 0
