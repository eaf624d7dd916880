"""Who answered a call that we made: a person, a machine that greets, or a fax.

    WAITING --voice--> GREETING --silent for 0.8 s, and the greeting was short--> human
       |                  |--it goes on for longer than people greet, or many words--> MACHINE
       |                  |--a beep--> MACHINE
       |--2100 Hz--> fax  |
       |--nothing for 4 s, a tone that goes on--> unknown
    MACHINE --a beep, or silent for 2.5 s, or half a minute--> the greeting is over

People who pick up say a word or two and then wait; machines talk on. That is all that can be known in two seconds, and
it is wrong now and then: docs/answering-machines.md has the measured error. Where in doubt it is a human: a machine
that is treated as a person costs a minute, a person who is hung up on costs a customer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from softswitch.media.hearing import FRAME_MS, Frame

HUMAN: Final = "human"
MACHINE: Final = "machine"
FAX: Final = "fax"
UNKNOWN: Final = "unknown"

_SILENT_MS = 4000  # before the first word
_PAUSE_MS = 800  # that ends a greeting of a person
_LONG_MS = 2000  # no person greets for longer without a pause
_MANY_WORDS = 6
_WORD_MS, _GAP_MS = 80, 60
_DECIDE_MS = 6000
_QUIET_MS = 2500  # that ends a greeting of a machine
_GREETING_MS = 30_000
_BEEP_MS, _LONGEST_BEEP_MS = 140, 3000
_BEEP_HERTZ = (380.0, 2600.0)
_FAX_HERTZ, _FAX_MS = (2075.0, 2125.0), 400
_ABOVE_NOISE = 9.0  # dB
_QUIETEST_VOICE = -40.0  # dBm0
_NOISE_RISES = 0.1  # dB a frame
_STEADY_FRAMES = 35  # no voice goes on for so long without moments that are far quieter: what does is noise
_QUIET_ONES = 6  # of them


@dataclass(frozen=True, slots=True)
class Verdict:
    """`who`, or (empty) the greeting of the machine is over, with a `beep` or without."""

    who: str
    after_ms: int
    beep: bool = False


class _State(Enum):
    WAITING = 0
    GREETING = 1
    MACHINE = 2
    DONE = 3


class Beep:
    """A steady tone that has just ended. `ended` is set for the frame in which it is sure."""

    __slots__ = ("_hertz", "_level", "_ms")

    def __init__(self) -> None:
        self._hertz = self._level = 0.0
        self._ms = 0

    @property
    def ms(self) -> int:
        """How long the tone that goes on has been steady."""
        return self._ms

    @property
    def hertz(self) -> float:
        return self._hertz

    def handle(self, frame: Frame) -> bool:
        """Did a beep end right before this frame?"""
        steady = self._ms and abs(frame.tone - self._hertz) < 0.015 * self._hertz and abs(frame.level - self._level) < 3
        if steady:
            self._ms += FRAME_MS
            return False
        ended = _BEEP_MS <= self._ms <= _LONGEST_BEEP_MS and _BEEP_HERTZ[0] < self._hertz < _BEEP_HERTZ[1]
        self._hertz, self._level = frame.tone, frame.level
        self._ms = FRAME_MS if frame.tone else 0
        return ended


class AnswerJudge:
    """One answered call, from the answer on."""

    __slots__ = ("_beep", "_gap", "_greeting", "_lately", "_ms", "_noise", "_state", "_voice", "_words")

    def __init__(self) -> None:
        self._state = _State.WAITING
        self._ms = 0  # since the answer
        self._noise = -55.0  # its level
        self._lately: deque[float] = deque(maxlen=_STEADY_FRAMES)  # levels
        self._voice = 0  # of the word that goes on, in ms
        self._gap = 0  # since the last voice
        self._greeting = 0  # from its first word on
        self._words = 0
        self._beep = Beep()

    @property
    def done(self) -> bool:
        return self._state is _State.DONE

    def handle(self, frame: Frame) -> list[Verdict]:
        """The next 20 ms; what is sure by them."""
        if self._state is _State.DONE:
            return []
        self._ms += FRAME_MS
        beeped = self._beep.handle(frame)
        self._listen(frame)
        if self._state is not _State.MACHINE:
            who = self._who(beeped)
            if who != MACHINE:
                if who:
                    self._state = _State.DONE
                    return [Verdict(who, self._ms)]
                return []
            self._state = _State.MACHINE
            verdict = [Verdict(MACHINE, self._ms)]
            return [*verdict, *self._over(beeped)]
        return self._over(beeped)

    def _listen(self, frame: Frame) -> None:
        """Voice or none."""
        self._noise = min(frame.level, self._noise + _NOISE_RISES) if frame.level > -90 else self._noise
        self._noise = max(self._noise, -60.0)
        self._lately.append(frame.level)
        if len(self._lately) == self._lately.maxlen:
            self._is_it_noise(sorted(self._lately))
        loud = frame.level > max(_QUIETEST_VOICE, self._noise + _ABOVE_NOISE)
        if self._state is _State.GREETING:
            self._greeting += FRAME_MS
        if loud:
            if self._gap >= _GAP_MS:
                self._voice = 0
            self._voice += FRAME_MS
            self._gap = 0
            if self._voice == _WORD_MS:
                self._words += 1
                if self._state is _State.WAITING:
                    self._state = _State.GREETING
                    self._greeting = _WORD_MS
        else:
            self._gap += FRAME_MS

    def _is_it_noise(self, ranked: list[float]) -> None:
        """The levels of the last moments, the quietest first: in speech some of them are far quieter than others."""
        low = ranked[_QUIET_ONES]
        steady = ranked[-1] < low + _ABOVE_NOISE
        if steady and self._state is _State.GREETING and low > max(_QUIETEST_VOICE, self._noise + _ABOVE_NOISE):
            self._state = _State.WAITING  # nobody has said anything yet: a street, a car
            self._words = self._voice = 0
        self._noise = max(self._noise, low)

    def _who(self, beeped: bool) -> str:
        if _FAX_HERTZ[0] < self._beep.hertz < _FAX_HERTZ[1] and self._beep.ms >= _FAX_MS:
            return FAX
        if self._beep.ms >= _BEEP_MS:
            return "" if self._beep.ms <= _LONGEST_BEEP_MS else UNKNOWN  # is it a fax, or a beep? Tones are no words
        if self._state is _State.WAITING:
            return MACHINE if beeped else UNKNOWN if self._ms >= _SILENT_MS else ""
        if beeped:
            return MACHINE
        said = self._greeting - self._gap
        if self._gap >= _PAUSE_MS:
            return HUMAN if said <= _LONG_MS else MACHINE
        if said > _LONG_MS or self._words >= _MANY_WORDS:
            return MACHINE
        return UNKNOWN if self._ms >= _DECIDE_MS else ""

    def _over(self, beeped: bool) -> list[Verdict]:
        if not beeped and self._gap < _QUIET_MS and self._ms < _GREETING_MS:
            return []
        self._state = _State.DONE
        return [Verdict("", self._ms, beeped)]
