"""Where an agent's phone may send somebody: a colleague, a department, a number outside; and who may.

    dialled --> a code            nobody is sent there: it acts on the agent who dials it
            --> an extension      "extensions"
            --> a number of the line, or the id of a queue     "departments"
            --> digits            "outside": only where the rule book for dialling allows it too, through the trunk
            --> else 404

The same permission holds for REFER, for a phone that forwards (302) and for numbers that agents dial.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from softswitch.call.routing import SEPARATORS, one_form, resolve
from softswitch.call.settings import CallSettings
from softswitch.ids import AgentId, QueueId
from softswitch.ivr.messages import Flow, GotoStep, SayStep, Target

EXTENSIONS, DEPARTMENTS, OUTSIDE = "extensions", "departments", "outside"
FORBIDDEN, NOT_FOUND = 403, 404


@dataclass(frozen=True, slots=True)
class Destination:
    """One of them is set: a colleague, a target of the line, a number outside."""

    kind: str
    agent: AgentId | None = None
    target: Target | None = None
    number: str = ""

    @property
    def shown(self) -> str:
        """For people."""
        if self.target is not None:
            return self.target.queue or self.target.flow
        return str(self.agent) if self.agent is not None else self.number


class Places:
    """Derived once from the settings."""

    def __init__(self, call: CallSettings) -> None:
        self._call = call
        self._extensions = {voice.extension: AgentId(agent) for agent, voice in call.agents.items()}
        self._codes = frozenset(
            filter(None, (call.codes.log_in, call.codes.log_out, call.codes.ready, call.codes.take_break))
        )

    def find(self, dialled: str, when: datetime) -> Destination | int:
        """Whatever its permission; 403 or 404 for what is none."""
        if dialled in self._codes:
            return FORBIDDEN
        agent = self._extensions.get(dialled)
        if agent is not None:
            return Destination(EXTENSIONS, agent=agent)
        target = self._department(dialled, when)
        if target is not None:
            return Destination(DEPARTMENTS, target=target)
        plain = one_form(dialled.translate(SEPARATORS))
        if plain.removeprefix("+").isdecimal() and plain.isascii() and len(plain) <= 20:
            return Destination(OUTSIDE, number=plain)
        return NOT_FOUND

    def agent(self, name: str) -> AgentId | None:
        """By id or by extension."""
        return AgentId(name) if AgentId(name) in self._call.agents else self._extensions.get(name)

    def _department(self, dialled: str, when: datetime) -> Target | None:
        if QueueId(dialled) in self._call.queue_texts:
            return Target(queue=dialled)
        route = resolve(self._call, dialled, when)
        if route is None:
            return None
        flow = self._call.flows.get(route.flow)
        return (straight_to_queue(flow) if flow is not None else None) or Target(flow=str(route.flow))

    def allowed(self, agent: AgentId, destination: Destination) -> bool:
        """May she transfer or forward there? A number outside is asked for once more when it is dialled."""
        return self._call.transfers.may(agent, destination.kind)


def straight_to_queue(flow: Flow) -> Target | None:
    """A number that leads into a queue without a question: the queue itself, so that he is passed on to it."""
    last = flow.steps[-1] if flow.steps else None
    if isinstance(last, GotoStep) and last.target.queue and all(isinstance(step, SayStep) for step in flow.steps[:-1]):
        return last.target
    return None
