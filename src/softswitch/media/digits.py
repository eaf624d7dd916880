"""One stream of digits per leg, out of all the ways by which a phone may tell a key: RFC 4733, SIP INFO, tones.

Phones, gateways and switches on the way often tell the same key press by two ways, one a little later than the other.
Each way reports its key presses once and in order; what another way has told already is recognised and counts once:

    a report --the same key was told within 1 s, and not by this way--> the same press, told again
             --otherwise--> a press

A key that is held down for long is told by one way when it goes down and by another when it comes up: what tells how
long it was held may come so much later.

Pressing a key twice, however quickly, is told twice by each way, so both presses count. (What cannot be told from one
press: two of the same key within a second, of which one way told the first alone and another way the second alone.)
"""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 1.0
LONGEST_SECONDS = 10.0  # that a key is held down
_REMEMBERED = 32

BY_RTP = "rtp"
BY_INFO = "info"
BY_TONE = "tone"


class _Press:
    __slots__ = ("at", "key", "ways")

    def __init__(self, key: str, at: float, way: str) -> None:
        self.key = key
        self.at = at
        self.ways = [way]


class DigitMerge:
    """The key presses of one leg."""

    __slots__ = ("_recent",)

    def __init__(self) -> None:
        self._recent: deque[_Press] = deque(maxlen=_REMEMBERED)

    def counts(self, key: str, way: str, now: float, held: float = 0.0) -> bool:
        """A key was told by this way, now that it had been `held` for some seconds: is it a key press that was not told
        before?"""
        recent = self._recent
        while recent and now - recent[0].at > WINDOW_SECONDS + LONGEST_SECONDS:
            recent.popleft()
        earliest = now - WINDOW_SECONDS - min(held, LONGEST_SECONDS)
        for press in recent:
            if press.key == key and press.at >= earliest and way not in press.ways:
                press.ways.append(way)
                return False
        recent.append(_Press(key, now, way))
        return True
