"""Prompt playing: what a leg plays, and the wheel that says when each leg's next frame is due.

The wheel has ten slots of 2 ms. A player keeps its slot, so its frames leave every 20 ms by absolute time; players
that share a slot share a wake-up. A new player joins a slot that is in use and due soon; only a crowd is spread.

Turns of others (mixes) are dear: they wait in `late` until the players of that moment have been served, and are taken
in the order in which they came, some in each round, so that the packets of other calls never wait for all of them.
One that is due again before it was taken has lost a turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from softswitch.ids import LegId, PlaybackId
from softswitch.media.codecs import PCMA, Codec
from softswitch.media.companding import ALAW_SILENCE, ULAW_SILENCE
from softswitch.media.rtp import FRAME_BYTES
from softswitch.media.worker.clips import Clip

TICK_SECONDS = 0.002
SLOTS = 10
_SOON = 5  # slots: 10 ms, nobody hears that a prompt starts so much later
_CROWD = 32  # players of one slot: 0.2 ms of work
_HEAVY = 16  # players are about as much work as one turn of something else: a mix is decoded and encoded


class Frames(Protocol):
    """What a player plays."""

    def next_frame(self) -> bytes | None:
        """The payload of the next 20 ms; None at the end."""

    def in_codec(self, codec: Codec) -> Frames:
        """The rest of it in another codec (the phone changed it in mid-prompt)."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list of clips has been played."""

    clip: int  # that plays; -1: none yet
    at: int  # in it, in 1/8 ms
    loops: int


# The same prompts in another codec; None: they cannot be read any more.
Again: TypeAlias = "Callable[[Codec], Playlist | CodedPlaylist | None]"


def _elsewhere(again: Again | None, codec: Codec, place: Place) -> Frames:
    other = again(codec) if again is not None else None
    if other is None:
        return Playlist((), 1, codec)
    other.go_to(place)
    return other


class Playlist:
    """The G.711 bytes of some clips, one after another without gap, `loops` times (0: for ever), as 20 ms frames."""

    __slots__ = ("_again", "_clip", "_clips", "_loops", "_next_clip", "_position", "_silence")

    def __init__(self, clips: tuple[bytes, ...], loops: int, codec: Codec, again: Again | None = None) -> None:
        self._clips = tuple(clip for clip in clips if clip)
        self._loops = loops if self._clips else 1
        self._clip = b""
        self._position = 0
        self._next_clip = 0
        self._silence = bytes([ALAW_SILENCE if codec is PCMA else ULAW_SILENCE])
        self._again = again

    def next_frame(self) -> bytes | None:
        """160 bytes, the last ones padded with silence; None at the end."""
        start = self._position
        self._position = start + FRAME_BYTES
        frame = self._clip[start : start + FRAME_BYTES]
        if len(frame) == FRAME_BYTES:
            return frame
        return self._over_the_edge(frame)

    def in_codec(self, codec: Codec) -> Frames:
        ended = not self._clip and self._next_clip == len(self._clips)
        place = Place(self._next_clip if ended else self._next_clip - 1, self._position, self._loops)
        return _elsewhere(self._again, codec, place)

    def go_to(self, place: Place) -> None:
        self._loops = place.loops if self._clips else 1
        self._next_clip = min(place.clip + 1, len(self._clips))
        self._clip = self._clips[place.clip] if 0 <= place.clip < len(self._clips) else b""
        self._position = place.at if self._clip else 0

    def _over_the_edge(self, frame: bytes) -> bytes | None:
        while len(frame) < FRAME_BYTES:
            if self._next_clip == len(self._clips):
                if self._loops == 1:
                    self._clip, self._position = b"", 0
                    return frame.ljust(FRAME_BYTES, self._silence) if frame else None
                self._loops -= self._loops > 0
                self._next_clip = 0
            if not self._clips:
                return None
            self._clip = self._clips[self._next_clip]
            self._next_clip += 1
            missing = FRAME_BYTES - len(frame)
            frame += self._clip[:missing]
            self._position = missing
        return frame


class CodedPlaylist:
    """The same of clips that are encoded in frames: each begins with a frame of its own."""

    __slots__ = ("_again", "_clip", "_clips", "_loops", "_position")

    def __init__(self, clips: tuple[Clip, ...], loops: int, again: Again | None = None) -> None:
        self._clips = tuple(clip for clip in clips if len(clip))
        self._loops = loops if self._clips else 1
        self._clip = 0
        self._position = 0
        self._again = again

    def next_frame(self) -> bytes | None:
        while self._clip < len(self._clips):
            clip = self._clips[self._clip]
            if self._position < len(clip):
                self._position += 1
                return clip.frame(self._position - 1)
            self._clip += 1
            self._position = 0
            if self._clip == len(self._clips) and self._loops != 1:
                self._loops -= self._loops > 0
                self._clip = 0
        return None

    def in_codec(self, codec: Codec) -> Frames:
        return _elsewhere(self._again, codec, Place(self._clip, self._position * FRAME_BYTES, self._loops))

    def go_to(self, place: Place) -> None:
        self._loops = place.loops if self._clips else 1
        self._clip = max(place.clip, 0)
        self._position = -(-place.at // FRAME_BYTES) if place.clip >= 0 else 0


class Turn:
    """Something that is done every 20 ms."""

    __slots__ = ("slot", "take")
    weight = _HEAVY

    def __init__(self, take: Callable[[float], None] | None) -> None:
        self.slot = -1
        self.take = take  # None: it is a `Player`


class Player(Turn):
    """One playback on one leg."""

    __slots__ = ("leg", "playback", "playlist", "send", "started")
    weight = 1

    def __init__(self, leg: LegId, playback: PlaybackId, playlist: Frames) -> None:
        super().__init__(None)
        self.leg = leg
        self.playback = playback
        self.playlist = playlist
        self.send: Callable[[bytearray], int] | None = None  # None: on hold, time goes by unheard
        self.started = False  # the first frame carries the marker


class Wheel:
    """Players, and others who do something every 20 ms, by the time their next frame is due."""

    __slots__ = ("_at", "_count", "_slots", "_tick", "_weights", "late")

    def __init__(self, now: float) -> None:
        self.late: dict[Turn, None] = {}  # due, but not yet taken
        self._slots: list[dict[Turn, None]] = [{} for _ in range(SLOTS)]
        self._weights = [0] * SLOTS
        self._at = now  # when the slot of `_tick` is due
        self._tick = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, player: Turn) -> None:
        """Due within the next few ticks, and every 20 ms from then on."""
        assert player.slot < 0, "a player is on the wheel once"
        slots, weights, first = self._slots, self._weights, self._tick
        soon = [tick % SLOTS for tick in range(first, first + _SOON)]
        shared = [tick for tick in soon if slots[tick] and weights[tick] + player.weight <= _CROWD]
        if shared:
            player.slot = max(shared, key=weights.__getitem__)
        elif not slots[first]:
            player.slot = first
        else:
            player.slot = min(((first + step) % SLOTS for step in range(SLOTS)), key=weights.__getitem__)
        slots[player.slot][player] = None
        weights[player.slot] += player.weight
        self._count += 1

    def remove(self, player: Turn) -> None:
        if player.slot >= 0:
            del self._slots[player.slot][player]
            self._weights[player.slot] -= player.weight
            self.late.pop(player, None)
            player.slot = -1
            self._count -= 1

    def next_due(self, now: float) -> float:
        """When the next slot with players is due; 0 when nobody plays."""
        if not self._count:
            return 0.0
        if self.late:
            return now
        self._catch_up(now)
        at, tick = self._at, self._tick
        while not self._slots[tick]:
            at += TICK_SECONDS
            tick = (tick + 1) % SLOTS
        return at

    def due(self, now: float) -> list[Turn]:
        """The players of the next slot that is due at `now`; call again until it gives nothing."""
        self._catch_up(now)
        while self._at <= now:
            players = list(self._slots[self._tick])
            self._at += TICK_SECONDS
            self._tick = (self._tick + 1) % SLOTS
            if players:
                return players
        return []

    def _catch_up(self, now: float) -> None:
        """Skip what is long past instead of sending it in a burst: idle time, or a machine that stood still."""
        behind = now - self._at
        limit = TICK_SECONDS if not self._count else 0.1
        if behind > limit:
            skipped = int(behind / TICK_SECONDS)
            self._at += skipped * TICK_SECONDS
            self._tick = (self._tick + skipped) % SLOTS
