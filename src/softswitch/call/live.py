"""What is kept of each call so that it outlives the process: a record that follows the call, and goes with it.

    talk      a caller and an agent           waiting   a caller in the line
    outside   a caller and a number outside   menu      a caller in a flow
    internal  two agents, or an agent and a number outside
    alone     a leg with which nothing can go on: an agent whose customer is being dialled, a feature code ...

Kept are legs that are up. What rings is not: its INVITE is lost with its transaction. No key is kept, and nothing that
a caller was asked in secret. A look copies nothing: it is written down at once, while nobody changes what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.call.destination import Destination
from softswitch.call.known import Memory, QueuePlace
from softswitch.call.leg import LegFacts
from softswitch.call.recording import Recorded
from softswitch.call.talk import TalkFacts
from softswitch.ids import InteractionId
from softswitch.media.negotiation import RemoteMedia
from softswitch.sip.survivor import EstablishedLeg

TALK, OUTSIDE, WAITING, MENU, INTERNAL, ALONE = "talk", "outside", "waiting", "menu", "internal", "alone"


@dataclass(frozen=True, slots=True)
class LiveLeg:
    """One leg. `remote` is without keys; `version` that of the description we sent last."""

    sip: EstablishedLeg
    port: int
    version: int
    facts: LegFacts
    remote: RemoteMedia | None
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class LiveCaller:
    """What is known of a caller."""

    interaction: InteractionId
    language: str
    name: str
    can_be_called_back: bool
    place: QueuePlace | None
    memory: Memory


@dataclass(frozen=True, slots=True)
class LiveCall:
    """The customer's leg comes first, or the leg of the phone that called. `key`: the interaction, else that leg. Times
    are monotonic seconds of the process that has looked; with `offset` they are seconds since 1970."""

    key: int
    kind: str
    at: float  # it was looked at
    offset: float
    legs: tuple[LiveLeg, ...]
    began_at: float = 0.0  # of the conversation
    caller: LiveCaller | None = None
    talk: TalkFacts | None = None
    destination: Destination | None = None
    others: tuple[LiveLeg, ...] = ()  # in it besides: a supervisor, a colleague who is asked; they do not go on

    @property
    def all_legs(self) -> tuple[LiveLeg, ...]:
        return (*self.legs, *self.others)


@dataclass(frozen=True, slots=True)
class CallRestored:
    """At start, before there is audio: a call of the process before."""

    call: LiveCall


@dataclass(frozen=True, slots=True)
class CallsResumed:
    """At start, once there is audio and the agents' states are known. `promised`: who is going to be called back;
    `left_open`: whose records have no end."""

    promised: frozenset[InteractionId] = frozenset()
    left_open: frozenset[InteractionId] = frozenset()
