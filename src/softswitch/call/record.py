"""From what the ACD engine says to what the store keeps: monotonic seconds become wall-clock seconds here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.acd.messages import (
    AgentStateChanged,
    InteractionEnded,
    PromiseChanged,
    RingEnded,
    SavePromise,
)
from softswitch.call.records import (
    AgentRecord,
    InteractionClosed,
    InteractionOpened,
    PromiseOpened,
    PromiseUpdated,
    Record,
    RingRecord,
)
from softswitch.call.routing import Route
from softswitch.ids import InteractionId
from softswitch.sip.messages import InviteReceived


def opened(
    event: InviteReceived, interaction: InteractionId, caller: str, route: Route, wall: float
) -> InteractionOpened:
    """A caller was answered."""
    identity = None if event.identity is None else event.identity.summary
    return InteractionOpened(
        interaction, caller, event.dialled, event.origin.trunk, route.number.language, wall, identity
    )


# Everything that `to_record` understands.
RECORDED = (AgentStateChanged, RingEnded, PromiseChanged, InteractionEnded)


def to_record(command: Any, wall: Callable[[float], float]) -> Record:
    """The row for one recorded ACD command. `wall` turns monotonic seconds into seconds since 1970."""
    if isinstance(command, AgentStateChanged):
        deadline = None if command.deadline is None else wall(command.deadline)
        return AgentRecord(
            command.agent, command.state.value, command.reason, wall(command.since), deadline, command.logged_out
        )
    if isinstance(command, RingEnded):
        return RingRecord(
            command.attempt,
            command.interaction,
            command.queue,
            command.agent,
            wall(command.began_at),
            wall(command.ended_at),
            command.end.value,
            command.sticky,
        )
    if isinstance(command, PromiseChanged):
        return PromiseUpdated(command.promise, command.state.value, command.attempts, wall(command.at), command.because)
    assert isinstance(command, InteractionEnded)
    return InteractionClosed(
        command.interaction,
        command.outcome.value,
        command.agent,
        wall(command.ended_at),
        command.ended_at - command.entered_at,
        command.sticky,
    )


def promise_row(command: SavePromise, wall: Callable[[float], float]) -> PromiseOpened:
    return PromiseOpened(
        command.promise,
        command.interaction,
        command.queue,
        command.agent,
        command.caller,
        command.customer,
        command.language,
        wall(command.made_at),
        wall(command.due_at),
    )
