"""The past of one interaction, from the journal: what happened to it, and why it waited at a given moment.

The recorded events run through a real engine again; at the moment asked for it is this engine that explains.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from softswitch.acd import messages as m
from softswitch.acd.agents import READY
from softswitch.acd.chat_explain import explain_any
from softswitch.acd.explain import Explanation
from softswitch.acd.floor import Floor
from softswitch.acd.journal import Recorded, Replay, Segment
from softswitch.ids import AgentId, InteractionId


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an interaction's story."""

    at: float  # wall-clock seconds
    what: str
    agent: AgentId | None = None
    because: str = ""


@dataclass(slots=True)
class Past:
    interaction: InteractionId
    happenings: list[Happening] = field(default_factory=list)
    explanation: Explanation | None = None
    at: float = 0.0  # wall-clock seconds of the explanation
    wall_offset: float = 0.0  # to turn the explanation's times into wall-clock seconds


class Historian:
    """Reads segments in their order. `until`: wall-clock seconds, or None for the last moment it was in a queue."""

    def __init__(self, interaction: InteractionId, until: float | None = None, agent: AgentId | None = None) -> None:
        self.past = Past(interaction)
        self._until = until
        self._agent = agent
        self._over = False

    def read(self, segment: Segment) -> bool:
        """False: nothing after this one matters."""
        number = self.past.interaction
        lines = list(segment.lines)
        replay = Replay(segment)
        inside = _inside(replay.engine.floor, number)
        if not inside and not any(getattr(line.event, "interaction", None) == number for line in lines):
            return not self._over
        left = 0  # the line with which it left
        for at, line in enumerate(lines):
            wall = line.now + line.wall_offset
            if self._until is not None and wall > self._until:
                self._over = True
                break
            was_inside, inside = inside, self._step(replay, line, wall)
            left = at if was_inside and not inside else left
        self._explain(segment, replay, lines, left)
        return not self._over

    def _step(self, replay: Replay, line: Recorded, wall: float) -> bool:
        number, story, event = self.past.interaction, self.past.happenings, line.event
        commands = replay.step(line)
        if event is not None and getattr(event, "interaction", None) == number:
            story.append(Happening(wall, _asked(event)))
        floor = replay.engine.floor
        for command in commands:
            if getattr(command, "interaction", None) == number and (told := _told(command, commands, floor, wall)):
                story.append(told)
        return _inside(floor, number)

    def _explain(self, segment: Segment, replay: Replay, lines: list[Recorded], left: int) -> None:
        """At the moment asked for; without one at the end, or just before it left."""
        floor = replay.engine.floor
        if _inside(floor, self.past.interaction) and lines:
            offset = lines[-1].wall_offset
            self._look(floor, self._until if self._over and self._until else lines[-1].now + offset, offset)
        elif self._until is not None:
            self.past.explanation = None if self._over else self.past.explanation
        elif left:
            again = Replay(segment)
            for line in lines[:left]:
                again.step(line)
            offset = lines[left].wall_offset
            self._look(again.engine.floor, lines[left].now + offset, offset)

    def _look(self, floor: Floor, wall: float, offset: float) -> None:
        self.past.explanation = explain_any(floor, self.past.interaction, self._agent)
        self.past.at, self.past.wall_offset = wall, offset


def _inside(floor: Floor, interaction: InteractionId) -> bool:
    return interaction in floor.entries or interaction in floor.chats.entries


def _asked(event: m.Event) -> str:
    if isinstance(event, m.ChatEntered):
        previous = f", previous agent {event.previous_agent}" if event.previous_agent else ""
        return f"a chat entered {event.queue} in {event.language or 'any language'}{previous}"
    if isinstance(event, m.ChatClosed):
        return "the chat was closed"
    if isinstance(event, m.CallerEntered):
        previous = f", previous agent {event.previous_agent}" if event.previous_agent else ""
        return f"entered {event.queue} in {event.language or 'any language'}{previous}"
    if isinstance(event, m.ChoiceMade):
        return f"chose {event.choice.value.replace('_', '-')}"
    if isinstance(event, m.AgentTookOver):
        return f"was handed over to {event.agent} by a colleague"
    if isinstance(event, m.PromiseRestored):
        return "the promise of a call-back was restored after a start"
    if isinstance(event, m.CallerWentOn):
        return f"left the line: {event.because}"
    if isinstance(event, m.CallBackRequested):
        return "asked to be called back"
    if isinstance(event, m.CallerLetOthersFirst):
        return "takes his place in the line back" if event.undo else "lets others go first"
    if isinstance(event, m.CallerMovedToFront):
        return f"is moved to the front by {event.by}"
    assert isinstance(event, m.CallerLeft)
    return "hung up" if event.hung_up else "his call was ended by the switch"


def _told(command: m.Command, commands: list[m.Command], floor: Floor, at: float) -> Happening | None:
    if isinstance(command, m.RingAgent):
        return Happening(at, "rang", command.agent, _why_this_one(command, commands, floor))
    if isinstance(command, m.OfferChat):
        return Happening(at, "offered", command.agent, "previous agent" if command.sticky else "most room")
    if isinstance(command, m.ChatOfferEnded):
        return Happening(at, f"offer ended: {command.end.value.replace('_', ' ')}", command.agent)
    if isinstance(command, m.ChatLeftQueue):
        outcome = command.outcome.value.replace("_", " ")
        return Happening(at, f"left the queue: {outcome}", command.agent, command.because or command.sticky)
    if isinstance(command, m.ChatEnded):
        return Happening(at, "the chat ended", command.agent, command.because)
    if isinstance(command, m.RingEnded):
        return Happening(at, f"ring ended: {command.end.value.replace('_', ' ')}", command.agent)
    if isinstance(command, m.AnnounceWaiting):
        about = "" if command.estimate_seconds is None else f", about {command.estimate_seconds:.0f} s"
        return Happening(at, f"waits at place {command.position}{about}", command.agent, command.because)
    if isinstance(command, m.OfferChoice):
        return Happening(at, "is offered the choice", command.agent, f"busy for about {command.wait_seconds:.0f} s")
    if isinstance(command, m.ConfirmCallBack):
        return Happening(at, "is promised a call-back", command.agent)
    if isinstance(command, m.InteractionEnded):
        return Happening(
            at, f"left the queue: {command.outcome.value.replace('_', ' ')}", command.agent, command.sticky
        )
    if isinstance(command, m.CallerNoted):
        return Happening(at, "noted", None, command.note)
    if isinstance(command, m.PromiseEscalated):
        return Happening(at, "is shown to the supervisor", command.agent or None, command.because)
    if isinstance(command, m.OverflowCaller):
        return Happening(at, "overflowed", None, command.because)
    return None


def _why_this_one(ring: m.RingAgent, commands: list[m.Command], floor: Floor) -> str:
    """Why she and not another, or he and not another: from the state that the ring left behind."""
    if ring.call_back:
        return "she promised the call-back" if ring.sticky else "the time promised has come: whoever is ready"
    if ring.sticky:
        return "previous agent"
    if m.AgentState.READY in [one.state for one in _changes(commands) if one.agent == ring.agent]:
        return "she became ready, and he was first of those she may take"
    entry = floor.entries.get(ring.interaction)
    if entry is None:  # gone by the end of the same step
        return ""
    others = [one.id for one in entry.pool.members if one.state is READY and one.id not in (entry.no_offer or ())]
    if not others:
        return "the only one ready who may take him"
    return f"first by {entry.pool.queue.settings.order} of {len(others) + 1} ready: before {', '.join(others)}"


def _changes(commands: list[m.Command]) -> list[m.AgentStateChanged]:
    return [command for command in commands if isinstance(command, m.AgentStateChanged)]
