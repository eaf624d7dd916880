"""Who may listen to, whisper to and barge into whose calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from softswitch.config.kinds import Flag, ListOf, MapOf, Or, Section, key, section
from softswitch.config.problems import Placed
from softswitch.config.references import Known
from softswitch.config.values import AGENT_ID
from softswitch.ids import AgentId

if TYPE_CHECKING:
    from softswitch.config.language import Document

_EVERYBODY = "everybody"
_WHOM = Or({_EVERYBODY: _EVERYBODY}, ListOf(AGENT_ID, at_least=1))


@section
class SupervisionDoc(Section):
    """Who may be in whose talks. The supervisor of a team may be in those of its agents."""

    teams: bool = key(Flag(), "the supervisor of a team may be in the talks of its agents", True)
    also: dict[Placed, Any] = key(MapOf(AGENT_ID, _WHOM), "further supervisors: whose talks, or everybody", {})


def build_supervised(document: Document, known: Known) -> dict[AgentId, frozenset[AgentId]]:
    """By whom -> who. Ids of teams are checked with the people (`config.queues`)."""
    doc = document.supervision
    found: dict[AgentId, set[AgentId]] = {}
    if doc is None or doc.teams:
        for team in document.teams.values():
            if team.supervisor:
                found.setdefault(AgentId(str(team.supervisor)), set()).update(
                    AgentId(str(each)) for each in team.agents
                )
    for who, whom in doc.also.items() if doc is not None else ():
        known.check("agent", who)
        if whom == _EVERYBODY:
            members = [AgentId(str(each)) for each in document.agents]
        else:
            members = [AgentId(str(each)) for each in whom if known.check("agent", each)]
        found.setdefault(AgentId(str(who)), set()).update(members)
    return {who: frozenset(whom) - {who} for who, whom in found.items()}
