"""What was counted since the start: fed by the messages that pass the driver, read by the API and /metrics."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from softswitch.acd.messages import (
    CallerEntered,
    InteractionEnded,
    Outcome,
    PromiseChanged,
    PromiseEscalated,
    QueueSettings,
    RingEnded,
)
from softswitch.acd.whatif.figures import SHORT_ABANDON_SECONDS
from softswitch.call.audio_watch import AudioSilent
from softswitch.call.records import CallDetail, InteractionClosed, InteractionLost, InteractionOpened
from softswitch.ids import QueueId
from softswitch.sip.messages import AnswerRefer, ReferProgressed, Reject, SecurityEvent

_AUDIO = ((4.0, "good"), (3.6, "fair"), (3.1, "poor"), (0.0, "bad"))  # by the estimated MOS, as in G.107 annex B
MOST_ESCALATIONS = 200  # that the API lists, the newest


@dataclass(slots=True)
class QueueTally:
    offered: int = 0
    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    overflowed: int = 0
    called_back: int = 0
    escalated: int = 0


@dataclass(slots=True)
class AudioTally:
    quality: Counter[str] = field(default_factory=Counter)  # legs, by how well they were heard
    silences: Counter[str] = field(default_factory=Counter)  # legs that were not, by trunk or agent


class Tally:
    """An effect for each kind of message that it counts."""

    def __init__(self, queues: tuple[QueueSettings, ...]) -> None:
        self._thresholds = {queue.id: queue.service_level_seconds for queue in queues}
        self.queues: dict[QueueId, QueueTally] = {queue.id: QueueTally() for queue in queues}
        self.escalations: deque[PromiseEscalated] = deque(maxlen=MOST_ESCALATIONS)
        self.calls = 0
        self.refused: Counter[int] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.rings: Counter[str] = Counter()
        self.promises: Counter[str] = Counter()
        self.security: Counter[str] = Counter()
        self.transfers: Counter[str] = Counter()
        self.identities: Counter[str] = Counter()
        self.audio = AudioTally()

    COUNTED = (
        CallerEntered,
        InteractionOpened,
        InteractionClosed,
        InteractionLost,
        InteractionEnded,
        RingEnded,
        PromiseChanged,
        PromiseEscalated,
        Reject,
        SecurityEvent,
        AnswerRefer,
        ReferProgressed,
        CallDetail,
        AudioSilent,
    )

    def count(self, message: Any) -> None:
        if isinstance(message, CallerEntered):
            self.queues[message.queue].offered += 1
        elif isinstance(message, InteractionEnded):
            self._ended(message)
        elif isinstance(message, RingEnded):
            self.rings[message.end.value] += 1
        elif isinstance(message, InteractionOpened):
            self.calls += 1
            if message.identity is not None:
                self.identities[message.identity] += 1
        elif isinstance(message, InteractionClosed | InteractionLost):
            self.outcomes[message.outcome] += 1
        elif isinstance(message, PromiseChanged):
            self.promises[message.state.value] += 1
        elif isinstance(message, PromiseEscalated):
            self.queues[message.queue].escalated += 1
            self.escalations.append(message)
        elif isinstance(message, Reject):
            self.refused[message.status] += 1
        elif isinstance(message, SecurityEvent):
            self.security[message.kind] += 1
        elif isinstance(message, AnswerRefer):
            self.transfers["refused"] += message.status >= 300
        elif isinstance(message, ReferProgressed) and message.status >= 200:
            self.transfers["done" if message.status < 300 else "nobody"] += 1
        elif isinstance(message, AudioSilent):
            self.audio.silences[message.party] += message.seconds > 0
        elif isinstance(message, CallDetail) and message.mos:
            self.audio.quality[next(word for least, word in _AUDIO if message.mos >= least)] += 1

    def _ended(self, message: InteractionEnded) -> None:
        self.outcomes[message.outcome.value] += 1
        queue = self.queues[message.queue]
        waited = message.ended_at - message.entered_at
        if message.outcome is Outcome.ANSWERED:
            queue.answered += 1
            queue.answered_within += waited <= self._thresholds[message.queue]
        elif message.outcome is Outcome.ABANDONED:
            queue.abandoned += 1
            queue.abandoned_short += waited < SHORT_ABANDON_SECONDS
        elif message.outcome is Outcome.OVERFLOWED:
            queue.overflowed += 1
        elif message.outcome is Outcome.CALLED_BACK:
            queue.called_back += 1
