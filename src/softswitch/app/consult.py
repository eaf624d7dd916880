"""Agents who ask colleagues: implements `web.consult.ConsultDesk`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.call import consult as asked
from softswitch.call.consult import Consults
from softswitch.call.orders import AskColleague, ConsultStep
from softswitch.call.supervision import floor_of
from softswitch.ids import AgentId
from softswitch.web.consult import ConsultView
from softswitch.web.supervision import Refusal

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

_WHY = {
    asked.NO_TALK: (409, "{agent} talks with no caller now."),
    asked.ASKS_ALREADY: (409, "{agent} asks somebody, or transfers the caller, already."),
    asked.NOWHERE: (404, "Nobody can be asked at {to}; it needs an extension or a number outside."),
    asked.MAY_NOT: (403, "{agent} may not transfer to {to}."),
    asked.MAY_NOT_DIAL: (403, "{agent} may not dial {to}."),
    asked.NOT_NOW: (409, "{agent} asks nobody for whom this is possible now."),
}


def _refusal(why: str, agent: str, to: str = "") -> Refusal:
    status, text = _WHY[why]
    return Refusal(status, text.format(agent=agent, to=to))


class Asking:
    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    @property
    def _consults(self) -> Consults:
        return floor_of(self._switch.cores.calls.board).consults

    def consults(self) -> tuple[ConsultView, ...]:
        rows = []
        for name in self._switch.settings.call.agents:
            there, talk = (
                self._consults.of(AgentId(name)),
                floor_of(self._switch.cores.calls.board).talk_of(AgentId(name)),
            )
            if there is not None and talk is not None:
                to = there.destination.agent or there.destination.number
                rows.append(ConsultView(name, to, there.step.value, str(talk.facts.interaction)))
        return tuple(rows)

    def ask(self, agent: str, to: str) -> Refusal | None:
        if agent not in self._switch.settings.call.agents:
            return Refusal(404, f"There is no agent {agent!r}.")
        order = AskColleague(AgentId(agent), to)
        there = self._consults.look(order, self._switch.clock.now())
        if isinstance(there, str):
            if there == asked.MAY_NOT_DIAL:
                self._switch.post(order)  # it is refused there, and that is written down
            return _refusal(there, agent, to)
        self._switch.post(order)
        return None

    def go_on(self, agent: str, step: str) -> Refusal | None:
        there = self._consults.of(AgentId(agent))
        if there is None or not there.can(step):
            return _refusal(asked.NOT_NOW, agent)
        self._switch.post(ConsultStep(AgentId(agent), step))
        return None
