"""Speech that is made while the call goes on: texts and values that nobody knew when the switch started.

    play --a part of it is not rendered--> HELD, `MakeSpeech` --SpeechMade (always, within a second)--> played
                                            --something else is played, the leg ends--> forgotten

A part that was not made in time is told by the words it consists of, which were rendered beforehand, or left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.call.prompts import Prompt, PromptCatalog
from softswitch.call.speech_settings import SpeechSettings
from softswitch.ids import LegId, PlaybackId
from softswitch.ivr.messages import Segment

WITHIN_SECONDS = 0.8  # so long does a caller wait for speech, in silence or with his music
MOST_HELD = 10_000


@dataclass(frozen=True, slots=True)
class MakeSpeech:
    """Render these texts. Answered by `SpeechMade` within `WITHIN_SECONDS`, whatever happens."""

    leg: LegId
    playback: PlaybackId
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class SpeechMade:
    """`prompts` in the order of the segments; None: not in time."""

    leg: LegId
    playback: PlaybackId
    segments: tuple[Segment, ...]
    prompts: tuple[Prompt | None, ...]


class LiveSpeech:
    """What is held until it can be spoken."""

    __slots__ = ("_held", "_speaks", "_whole")

    def __init__(self, settings: SpeechSettings, speaks: Callable[[str], bool]) -> None:
        self._held: dict[PlaybackId, tuple[tuple[Segment, ...], int]] = {}
        self._speaks = speaks  # is there an engine for this language?
        self._whole = settings.whole_values

    def wanted(self, segments: tuple[Segment, ...], catalog: PromptCatalog) -> tuple[Segment, ...]:
        """What of it has to be made."""
        if len(self._held) >= MOST_HELD:
            return ()
        return tuple(
            segment
            for segment in segments
            if segment.at_once
            and (self._whole or not segment.instead)
            and catalog.find(segment) is None
            and self._speaks(segment.language)
        )

    def hold(self, playback: PlaybackId, segments: tuple[Segment, ...], loops: int) -> None:
        self._held[playback] = (segments, loops)

    def take(self, playback: PlaybackId) -> tuple[tuple[Segment, ...], int] | None:
        return self._held.pop(playback, None)
