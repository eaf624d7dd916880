"""Legs that should send audio and do not.

    HEARD --nothing until the alarm--> SILENT (`RtpSilent`, again and again) --a packet, hold--> HEARD (`RtpHeard`)

Not watched: a leg that is on hold, one way or the other; one whose last packet was comfort noise (RFC 3389: a pause,
which may be long) or whose reports say that he sends nothing, both for as long as it takes to end a call at most. The
watch compares counts twice a second; a packet pays nothing for it.
"""

from __future__ import annotations

from softswitch.media.messages import RtpHeard, RtpSilent
from softswitch.media.worker.leg import Leg


class SilenceWatch:
    """`alarm` 0: only the end is told."""

    __slots__ = ("_alarm", "_end")

    def __init__(self, alarm: float, end: float) -> None:
        self._alarm = alarm
        self._end = end

    def look(self, leg: Leg, now: float) -> RtpSilent | RtpHeard | None:
        tally, count, remote = leg.tally, leg.route.count, leg.remote
        if remote is None or not (remote.send and remote.receive) or count != tally.seen:
            silent, told = now - tally.quiet_since, tally.told
            tally.seen = count
            tally.quiet_since = now
            tally.told = 0.0
            return RtpHeard(leg.id, round(silent, 3)) if told else None
        silent = now - tally.quiet_since
        if silent < self._due(tally.told) or (silent < self._end and self._rests(leg, now)):
            return None
        tally.told = silent
        return RtpSilent(leg.id, round(silent, 3))

    def _due(self, told: float) -> float:
        """After how much silence it is told next, when it was told after so much."""
        following = told + (self._alarm or self._end)
        return self._end if told < self._end < following else following

    def _rests(self, leg: Leg, now: float) -> bool:
        """The peer has said that he pauses."""
        tally = leg.tally
        return tally.rests_at == tally.seen or (tally.reports is not None and tally.reports.rests(now))
