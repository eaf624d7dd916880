"""Telephone keys of a leg: one stream out of all the ways by which its phone tells them, and the way back to it.

told:    DigitReceived (RFC 4733, or heard as tones), InfoDigitReceived --> counts once
pressed: as events where they were agreed; by INFO to a phone that tells its own so; else as tones
bridged: the media process relays events between legs that both have them; every other key is pressed anew
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from softswitch.media.digits import BY_INFO, BY_RTP, BY_TONE, DigitMerge
from softswitch.media.messages import DigitReceived, ListenForKeys, SendDigits
from softswitch.sip.digit_messages import SendInfoKeys
from softswitch.sip.messages import InfoDigitReceived

if TYPE_CHECKING:
    from softswitch.call.leg import CallLeg

KeyTold: TypeAlias = DigitReceived | InfoDigitReceived
KEYS = "0123456789*#ABCD"
PAUSE = ","  # between the keys of a number: a second
MOST_KEYS = 64  # in one order

_AUTO, _ALWAYS = "auto", "always"  # of `MediaSettings.in_band_digits`; else never


def pressable(keys: str) -> str:
    """These keys as they are sent; empty: something in them is no key, or they are too many."""
    plain = keys.upper().replace(" ", "")
    return plain if 0 < len(plain) <= MOST_KEYS and not plain.strip(KEYS + PAUSE) else ""


def with_keys(dialled: str) -> tuple[str, str]:
    """A number, and the keys to press once it has answered: `+3725550001,,123#`, a comma is a second. The number is
    empty when what stands behind the comma is no keys."""
    number, comma, rest = dialled.partition(PAUSE)
    if not comma:
        return dialled, ""
    keys = pressable(comma + rest)
    return (number, keys) if keys else ("", "")


class LegKeys:
    """Those of one leg."""

    __slots__ = ("_by", "_listening", "_merge")

    def __init__(self) -> None:
        self._merge: DigitMerge | None = None  # most legs never press a key
        self._by: dict[str, None] = {}  # the ways that were used
        self._listening = False

    def counts(self, event: KeyTold, now: float) -> bool:
        """Is it a key press that was not told before by another way?"""
        way = BY_INFO if isinstance(event, InfoDigitReceived) else event.way
        self._by[way] = None
        if self._merge is None:
            self._merge = DigitMerge()
        held = 0.0 if isinstance(event, InfoDigitReceived) else event.duration_ms / 1000
        return self._merge.counts(event.digit, way, now, held)

    @property
    def by_info(self) -> bool:
        """The phone tells its keys by INFO, and by nothing else."""
        return BY_INFO in self._by and BY_RTP not in self._by

    def unheard(self) -> None:
        """Another media process has the audio now; it listens to nobody yet."""
        self._listening = False

    def agreed(self, leg: CallLeg, in_band: str) -> ListenForKeys | None:
        """What was agreed with the peer is new: is it time to listen for tones, or to cease?"""
        remote = leg.remote
        events = remote is not None and remote.dtmf_type >= 0
        wanted = in_band == _ALWAYS or (in_band == _AUTO and not events)
        if wanted == self._listening:
            return None
        self._listening = wanted
        return ListenForKeys(leg.id, wanted)


def press(leg: CallLeg, keys: str, press_ms: int = 100) -> SendDigits | SendInfoKeys | None:
    """The command that presses these keys for the peer of this leg; None: there is nobody yet."""
    remote = leg.remote
    if remote is None or not leg.alive:
        return None
    if remote.dtmf_type < 0 and leg.keys.by_info:
        plain = keys.replace(PAUSE, "")
        return SendInfoKeys(leg.id, plain, press_ms) if plain else None
    return SendDigits(leg.id, keys, press_ms)


def pass_on(leg: CallLeg, other: CallLeg, event: KeyTold, now: float, mixed: bool = False) -> None:
    """A key pressed in a conversation: the other side gets it by a way that it understands. `mixed`: they are in a mix,
    where events are not relayed."""
    if not leg.keys.counts(event, now):
        return
    both_have_events = leg.remote is not None and other.remote is not None
    both_have_events = both_have_events and min(leg.remote.dtmf_type, other.remote.dtmf_type) >= 0  # type: ignore[union-attr]
    if isinstance(event, InfoDigitReceived):
        heard_already = both_have_events and not leg.keys.by_info and not mixed
    else:  # tones go through as they are
        heard_already = (both_have_events and not mixed) or event.way == BY_TONE
    if not heard_already:
        other.press(event.digit)
