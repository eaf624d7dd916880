"""Tones that networks say something with before anybody answers: ringing, busy, congestion, number unobtainable, fax.

    frames --> stretches of one tone or of none --> their lengths against the cadences of the country (`media.tones`)

Busy and congestion are sure after two periods, ringing after the first tone and a second of pause, the special
information tone after its second frequency, a fax after 0.4 s of its 2100 Hz. Speech and music are no cadence: a pause
in them is not silent for as long, and no stretch of them is a tone for as long.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from softswitch.media.hearing import FRAME_MS, Frame
from softswitch.media.tones import BUSY, CONGESTION, NATIONAL, RINGBACK, Cadence, national

UNOBTAINABLE: Final = "unobtainable"
FAX: Final = "fax"

_LOWEST, _HIGHEST = 340.0, 640.0  # of the tones with a cadence
_INFORMATION = ((900.0, 1000.0), (1350.0, 1450.0), (1730.0, 1850.0))
_FAX_HERTZ = (2075.0, 2125.0)
_FAX_MS = 400
_INFORMATION_MS = 200  # of each frequency at least, of 330
_PAUSE_MS = 1000  # behind a tone of ringing
_SHORTEST_MS = 100
_SAME = 0.06  # two frames are one tone when they differ by less


class CallProgress:
    """One called side, until it answers."""

    __slots__ = ("_busy", "_congestion", "_hertz", "_ms", "_ringback", "_stretches", "_told")

    def __init__(self, country: str) -> None:
        known = NATIONAL.get(country.upper())
        tones = national(country)
        self._busy = tones.busy
        self._congestion = tones.congestion if known is None or known.congestion != known.busy else ()
        self._ringback = tones.ringback
        self._hertz = 0.0  # of the stretch that goes on; 0: no tone
        self._ms = 0
        self._stretches: deque[tuple[float, int]] = deque(maxlen=8)  # those before it
        self._told = ""

    def handle(self, frame: Frame) -> str:
        """The next 20 ms; the tone that is sure by them, empty: none that is new."""
        if self._goes_on(frame.tone):
            self._ms += FRAME_MS
        else:
            self._stretches.append((self._hertz, self._ms))
            self._drop_clicks()
            self._hertz, self._ms = frame.tone, FRAME_MS
        found = self._found()
        if not found or found == self._told:
            return ""
        self._told = found
        return found

    def _goes_on(self, tone: float) -> bool:
        if not self._hertz or not tone:
            return not self._hertz and not tone
        return abs(tone - self._hertz) < _SAME * self._hertz

    def _drop_clicks(self) -> None:
        """A single frame at an edge is neither: it belongs to the stretch behind it."""
        if self._stretches and self._stretches[-1][1] <= FRAME_MS:
            self._stretches.pop()

    def _found(self) -> str:
        hertz, ms, before = self._hertz, self._ms, self._stretches
        if _FAX_HERTZ[0] < hertz < _FAX_HERTZ[1] and ms >= _FAX_MS:
            return FAX
        if _within(hertz, _INFORMATION[1]) and ms >= _INFORMATION_MS and self._first_of_three():
            return UNOBTAINABLE
        if hertz or len(before) < 1 or not _cadenced(before[-1][0]):
            return ""
        if ms >= _PAUSE_MS and _fits(before[-1][1], self._ringback[-2][1]):
            return RINGBACK
        for kind, cadence in ((BUSY, self._busy), (CONGESTION, self._congestion)):
            if cadence and self._repeats(cadence):
                return kind
        return ""

    def _first_of_three(self) -> bool:
        recent = [each for each in list(self._stretches)[-2:] if each[0] or each[1] > 100]
        return bool(recent) and _within(recent[-1][0], _INFORMATION[0]) and recent[-1][1] >= _INFORMATION_MS

    def _repeats(self, cadence: Cadence) -> bool:
        """Were the stretches before this pause two periods of this cadence, and the pause as long as its first?"""
        period = [ms for _, ms in cadence]
        wanted = (period * 2)[:-1]
        heard = list(self._stretches)[-len(wanted) :]
        if len(heard) < len(wanted) or self._ms < period[-1] * 0.7:
            return False
        return all(
            _fits(ms, length) and bool(hertz) == (n % 2 == 0) and (not hertz or _cadenced(hertz))
            for n, ((hertz, ms), length) in enumerate(zip(heard, wanted, strict=True))
        )


def _within(hertz: float, band: tuple[float, float]) -> bool:
    return band[0] < hertz < band[1]


def _cadenced(hertz: float) -> bool:
    return _LOWEST < hertz < _HIGHEST


def _fits(heard_ms: int, told_ms: int) -> bool:
    """Networks keep their own times within a tenth; a frame more or less is ours."""
    return abs(heard_ms - told_ms) <= max(0.15 * told_ms, 2 * FRAME_MS + 5)
