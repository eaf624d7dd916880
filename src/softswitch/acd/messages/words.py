"""Table of the words that the ACD's messages are made of."""

from __future__ import annotations

from enum import Enum


class AgentState(Enum):
    OFFLINE = "offline"  # not logged in
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap-up"
    BREAK = "break"
    OUTBOUND = "outbound"  # at work, but not for the queues: she calls customers herself
    SUSPENDED = "suspended"  # taken out by the switch, with a visible reason (no answer, phone gone)


class Choice(Enum):
    WAIT = "wait"
    COLLEAGUE = "colleague"
    CALL_BACK = "call_back"


class Outcome(Enum):
    """How an interaction left the queue."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"  # only when the caller hangs up
    OVERFLOWED = "overflowed"  # the queue gave up: nobody there, waited too long
    CALLED_BACK = "called_back"  # a call-back was kept
    CALL_BACK_FAILED = "call_back_failed"  # attempts used up or time over
    WENT_ON = "went_on"  # he took a way out of the line by a key


class RingEnd(Enum):
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"  # caller left, or somebody else took it


class PromiseState(Enum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"
