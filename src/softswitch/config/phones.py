"""What agents do with their phones beyond answering: transfers, lamps, phones that pick up by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.call.destination import DEPARTMENTS, EXTENSIONS, OUTSIDE
from softswitch.call.settings import TransferSettings
from softswitch.config.kinds import Flag, ListOf, MapOf, OneOf, Section, key, section
from softswitch.config.problems import Placed
from softswitch.config.references import Known
from softswitch.config.values import AGENT_ID, ID, NOTHING, duration
from softswitch.ids import AgentId, TrunkId
from softswitch.sip.messages import LampSettings

if TYPE_CHECKING:
    from softswitch.config.language import Document

_PLACES = ListOf(OneOf(EXTENSIONS, DEPARTMENTS, OUTSIDE))
AUTO_ANSWER = OneOf("never", "by-phone", "call-info", "alert-info", "answer-mode", "p-auto-answer")


@section
class TransfersDoc(Section):
    """Who may transfer callers, and forward her phone, to where. Numbers outside need the section dialling as well."""

    to: tuple[Placed, ...] = key(_PLACES, "where everybody may transfer to", (EXTENSIONS, DEPARTMENTS))
    agents: dict[Placed, tuple[Placed, ...]] = key(MapOf(AGENT_ID, _PLACES), "instead of that, for these agents", {})
    through: Placed = key(ID, "the trunk for numbers outside; by default as for call-backs, their route too", NOTHING)
    ring: float = key(duration(5, 300), "a transfer that nobody answers for so long has failed", 30.0)


@section
class LampsDoc(Section):
    """What the lamps of desk phones show of colleagues and queues."""

    who: Placed = key(
        OneOf("everybody", "team", "nobody"), "whom an agent may watch", Placed("everybody", NOTHING.place)
    )
    numbers: bool = key(Flag(), "with the numbers of those who call", False)


def build_transfers(document: Document, known: Known) -> TransferSettings:
    doc = document.transfers
    if doc is None:
        return TransferSettings()
    for agent in doc.agents:
        known.check("agent", agent)
    if known.check("trunk", doc.through) and not _goes_out(document, doc.through):
        known.report.add(doc.through.place, f'no call goes out through the trunk "{doc.through}"; it has no key to')
    return TransferSettings(
        to=tuple(map(str, doc.to)),
        agents={AgentId(str(agent)): tuple(map(str, places)) for agent, places in doc.agents.items()},
        trunk=TrunkId(str(doc.through)) if doc.through else None,
        ring_seconds=doc.ring,
    )


def _goes_out(document: Document, name: Placed) -> bool:
    return any(str(each) == name and bool(doc.to.host) for each, doc in document.trunks.items())


def build_lamps(document: Document) -> LampSettings:
    doc = document.lamps
    who, numbers = ("everybody", False) if doc is None else (str(doc.who), doc.numbers)
    teams = {str(name): tuple(map(str, team.agents)) for name, team in document.teams.items()}
    mates: dict[AgentId, tuple[AgentId, ...]] = {}
    for members in teams.values() if who == "team" else ():
        for member in members:
            before = mates.get(AgentId(member), ())
            mates[AgentId(member)] = tuple(dict.fromkeys((*before, *map(AgentId, members))))
    queues = tuple(map(str, document.queues))
    return LampSettings(who, mates, numbers, queues)
