"""Music on hold: one piece after another for ever, and for each caller from where he heard it last.

    PlayMusic --first time--> the first piece from its beginning
              --again, the same music--> on where a prompt, a talk or an agent's ring interrupted it

Pieces follow each other without a gap, and each is read when its turn comes, so a large folder takes no more memory
than the piece that plays. One that cannot be read is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from softswitch.media.codecs import Codec
from softswitch.media.messages import PlaybackEnded, PlayMusic
from softswitch.media.worker.coding import spoken
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.player import Frames, Player
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.switchboard import Switchboard


class Pieces:
    """Frames of the pieces of a music, in order, for ever; None when not one of them can be read."""

    __slots__ = ("_at", "_keys", "_piece", "_prompts", "codec")

    def __init__(self, prompts: PromptLibrary, keys: tuple[str, ...], codec: Codec) -> None:
        self._prompts = prompts
        self._keys = keys
        self._at = -1  # the piece that plays
        self._piece: Frames | None = None
        self.codec = codec

    def next_frame(self) -> bytes | None:
        frame = self._piece.next_frame() if self._piece is not None else None
        for _ in self._keys if frame is None else ():
            self._at = (self._at + 1) % len(self._keys)
            self._piece = self._prompts.playlist((self._keys[self._at],), 1, self.codec)
            frame = self._piece.next_frame() if self._piece is not None else None
            if frame is not None:
                break
        return frame

    def in_codec(self, codec: Codec) -> Pieces:
        other = Pieces(self._prompts, self._keys, codec)
        other._at = self._at
        other._piece = self._piece.in_codec(codec) if self._piece is not None else None
        return other


class Music:
    """The department that obeys `PlayMusic`."""

    __slots__ = ("_board", "_heard")

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._heard: dict[Leg, tuple[str, tuple[str, ...], Player]] = {}  # one for each leg, until it is closed

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        return {PlayMusic: self._play}

    def closing(self, leg: Leg) -> None:
        self._heard.pop(leg, None)

    def tick(self, now: float) -> None:
        """There is nothing to look after."""

    def _play(self, leg: Leg, command: PlayMusic) -> None:
        codec = spoken(leg.remote)
        name, keys, before = self._heard.get(leg, ("", (), None))
        pieces: Frames
        if before is not None and (name, keys) == (command.music, command.prompts):
            pieces = before.playlist
            if isinstance(pieces, Pieces) and pieces.codec is not codec:
                pieces = pieces.in_codec(codec)
        else:
            pieces = Pieces(self._board.prompts, command.prompts, codec)
        if not command.prompts:
            self._board.events.append(PlaybackEnded(leg.id, command.playback, False))
            return
        player = Player(leg.id, command.playback, pieces)
        self._heard[leg] = (command.music, command.prompts, player)
        self._board.perform(leg, player)
