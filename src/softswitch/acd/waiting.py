"""Callers in the queue, and the lines they stand in.

A caller's place is `entered_at - head_start - waited`: a number that never changes while he waits, so everybody ages
alike, a head start is worth its seconds and no more, and nobody can be overtaken without end.

    CallerEntered --> WAITING ------------------------------------+
          |              ^   ^                                    |
          |              |   +--- ring failed ---+                v
          |              |                       +---------- RINGING ---> ENDED
          +--> CHOOSING -+--> PERSONAL --------------------->  ^  |
                  |                                            |  v (agent has answered a call-back)
                  +--> SAVING --> CALL_BACK -------------------+ CALLING --> ENDED
                                      ^                             |
                                      +-------- PAUSED <-- not reached
"""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import Enum
from typing import TYPE_CHECKING

from softswitch.acd.messages import CallBackRequested, CallerEntered, Choice, PromiseRestored
from softswitch.ids import AgentId, InteractionId, PromiseId

if TYPE_CHECKING:
    from softswitch.acd.agents import Agent, Attempt
    from softswitch.acd.eligibility import Pool

Place = tuple[float, InteractionId]  # (age key, interaction): the smaller one is served first


class Stage(Enum):
    WAITING = "waiting"  # in the general pool, live or an overdue call-back
    CHOOSING = "choosing"  # hears the choice
    PERSONAL = "personal"  # in the line of one agent
    SAVING = "saving"  # a promise is being made durable
    CALL_BACK = "call-back"  # without media, in the line of one agent
    PAUSED = "paused"  # call-back: the customer was not reached, to be tried again
    RINGING = "ringing"  # an agent is rung for him
    CALLING = "calling"  # call-back: the agent is on the line, the customer is dialled
    ENDED = "ended"


_WAITING = Stage.WAITING  # looking it up in the enumeration costs more than all else in `Entry`


class Bond:
    """Whom the caller is to be brought back to, and the limits he was told."""

    __slots__ = ("agent", "call_back_by", "choices", "limit", "until")

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.choices: tuple[Choice, ...] = ()
        self.limit = 0.0  # he waits for her no longer than this
        self.call_back_by = 0.0
        self.until: float | None = None  # present deadline: to choose, or to wait for her


class Promise:
    """She calls him back: the same entry in the queue, without media for a while."""

    __slots__ = (
        "agent",
        "attempts",
        "caller_left",
        "due_at",
        "entry",
        "id",
        "lost_at",
        "made_at",
        "on_line",
        "open_to_all",
        "rests_until",
        "saved",
    )

    def __init__(self, number: PromiseId, entry: Entry, agent: Agent | None, made_at: float, due_at: float) -> None:
        self.id = number
        self.entry: Entry | None = entry
        self.agent = agent
        self.made_at = made_at
        self.due_at = due_at
        self.lost_at = due_at  # when even colleagues are too late
        self.attempts = 0
        self.rests_until = 0.0  # after a call that was not answered
        self.saved = False
        self.open_to_all = False  # overdue: any eligible agent may keep it
        self.caller_left = False  # hung up before it was confirmed
        self.on_line = False  # customer first: he has answered our call, and waits for an agent


class Told:
    """What a caller who could not be served at once has heard, and what he has said to it."""

    __slots__ = ("again_at", "asked_first", "said", "until", "was_at")

    def __init__(self) -> None:
        self.again_at = 0.0  # when he is told his place again
        self.said: tuple[int, int, int] | None = None  # his place, and the range of minutes
        self.asked_first = False  # whether he lets others go first
        self.was_at: Place | None = None  # he does, and stood there
        self.until = 0.0  # then he is the very next


class Entry:
    """One interaction in the queue."""

    __slots__ = (
        "attempt",
        "bond",
        "entered_at",
        "facts",
        "id",
        "no_offer",
        "place",
        "pool",
        "promise",
        "stage",
        "sticky",
        "told",
    )

    def __init__(
        self, facts: CallerEntered | PromiseRestored | CallBackRequested, pool: Pool, entered_at: float, age_key: float
    ) -> None:
        self.id: InteractionId = facts.interaction
        self.facts = facts
        self.pool = pool
        self.entered_at = entered_at
        self.place: Place = (age_key, facts.interaction)
        self.stage = _WAITING
        self.attempt: Attempt | None = None
        self.bond: Bond | None = None
        self.sticky = ""  # how the sticky rule went, for `InteractionEnded`
        self.promise: Promise | None = None
        self.no_offer: dict[AgentId, float] | None = None  # agents who are not offered this caller now
        self.told: Told | None = None  # None: never told that he waits


def add_place(line: list[Place], place: Place) -> None:
    insort(line, place)


def remove_place(line: list[Place], place: Place) -> None:
    index = bisect_left(line, place)
    assert line[index] == place
    del line[index]


def position(line: list[Place], place: Place) -> int:
    """1 is next."""
    return bisect_left(line, place) + 1
