"""Supervisors in talks: implements `web.supervision.SupervisionDesk`, and writes down who was in whose talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from softswitch.call import supervision as floor
from softswitch.call.conference import MOST_GUESTS
from softswitch.call.orders import ChangeSupervision, EndSupervision, Supervise
from softswitch.call.supervision import SupervisionNoted
from softswitch.ids import AgentId
from softswitch.web.supervision import Refusal, WatchView

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

log = structlog.get_logger("softswitch.supervision")

_WHY = {
    floor.NOT_HIS: (403, "{supervisor} may not be in the talks of {agent}: teams and supervision say who may."),
    floor.NO_TALK: (409, "{agent} talks with nobody now; with follow he waits for her next talk."),
    floor.FULL: (409, f"There are {MOST_GUESTS} others in this talk already."),
    floor.BUSY: (409, "{supervisor} is on the phone."),
    floor.NO_PHONE: (409, "No phone of {supervisor} is registered."),
}


class Supervisors:
    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    @property
    def _floor(self) -> floor.Supervision:
        return floor.floor_of(self._switch.cores.calls.board)

    def watches(self) -> tuple[WatchView, ...]:
        return tuple(
            WatchView(
                supervisor=each.supervisor,
                agent=each.agent,
                part=each.part.value,
                state=each.state,
                follow=each.follow,
                level=each.level,
                interaction=str(each.talk.facts.interaction) if each.talk is not None else None,
            )
            for each in self._floor.watches
        )

    def begin(self, supervisor: str, agent: str, part: str, follow: bool, level: int) -> Refusal | None:
        known = self._switch.settings.call.agents
        for name in (supervisor, agent):
            if name not in known:
                return Refusal(404, f"There is no agent {name[:64]!r}.")
        order = Supervise(AgentId(supervisor), AgentId(agent), part, follow, level)
        why = self._floor.refusal(order)
        if why is not None:
            write_down(self._floor.refusal_note(order, why, self._switch.clock.now()))
            status, text = _WHY[why]
            return Refusal(status, text.format(supervisor=supervisor, agent=agent))
        self._switch.post(order)
        return None

    def change(self, supervisor: str, part: str | None, follow: bool | None, level: int | None) -> None:
        self._switch.post(ChangeSupervision(AgentId(supervisor), part, follow, level))

    def end(self, supervisor: str) -> None:
        self._switch.post(EndSupervision(AgentId(supervisor)))


def write_down(event: SupervisionNoted) -> None:
    """One line for each thing that a supervisor did or tried, for those who have to account for it."""
    why = {"because": event.because} if event.because else {}
    say = log.warning if event.because == floor.NOT_HIS else log.info
    say(
        "supervision",
        supervisor=event.supervisor,
        agent=event.agent,
        what=event.what,
        part=event.part,
        interaction=event.interaction,
        **why,
    )
