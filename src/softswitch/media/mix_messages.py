"""What the switch orders of the mixer: who is in a mix, and who hears whom there.

A leg that joins keeps its bridge until the mix has its audio, at most 200 ms, so that nothing is missed on the way; one
that leaves belongs to nobody until `Bridge` joins it to somebody. A prompt that is played to a leg in a mix (`Play`) is
what this leg hears meanwhile; the others go on hearing him.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from softswitch.ids import LegId, PlaybackId

MOST_PARTIES = 8  # of a mix
MOST_LEVEL = 400  # percent


@dataclass(frozen=True, slots=True)
class JoinMix:
    """This leg can be heard in this mix from now on (it is made when nobody is in it yet), and hears `heard` there,
    each at its level in percent (100: as it is). Who is not there yet is heard as soon as he is. A leg that is in
    another mix leaves that."""

    leg: LegId
    mix: int
    heard: tuple[LegId, ...] = ()
    levels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SetHearing:
    """Whom a leg in a mix hears from now on, instead of whom it heard until now."""

    leg: LegId
    heard: tuple[LegId, ...]
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LeaveMix:
    """Nothing happens when it is in none."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class PlayToMix:
    """Everybody in the mix that this leg is in hears these prompts once; voices are turned down meanwhile. Ends in
    `PlaybackEnded` for this leg; another one replaces it."""

    leg: LegId
    playback: PlaybackId
    prompts: tuple[str, ...]


MixCommand: TypeAlias = JoinMix | SetHearing | LeaveMix | PlayToMix
