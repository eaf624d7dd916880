"""Why a typed chat waits, and why it is not offered to this agent: the same document as for calls."""

from __future__ import annotations

from softswitch.acd.agents import Agent
from softswitch.acd.chat_room import ChatEntry, Load
from softswitch.acd.eligibility import meets
from softswitch.acd.explain import Because, Explanation, Pair, Reason, explain, not_allowed, not_free
from softswitch.acd.floor import Floor
from softswitch.acd.waiting import Stage, position
from softswitch.ids import AgentId, InteractionId


def explain_any(floor: Floor, interaction: InteractionId, agent: AgentId | None = None) -> Explanation | None:
    """A call or a chat. None: this interaction is in no queue now."""
    found = explain(floor, interaction, agent)
    if found is not None:
        return found
    entry = floor.chats.entries.get(interaction)
    if entry is None or entry.stage == "open":
        return None
    agents = floor.agents.values() if agent is None else [floor.agents[agent]] if agent in floor.agents else []
    line = entry.line
    return Explanation(
        entry.id,
        entry.facts.queue,
        Stage.WAITING if entry.chat is None else Stage.RINGING,
        entry.entered_at,
        position(line.waiting, entry.place) if entry.chat is None else None,
        len(line.waiting),
        entry.sticky,
        None,
        len(line.members),
        sum(load.may_chat for load in line.members),
        tuple(Pair(one.id, one.settings.name, one.state, why(floor, entry, one)) for one in agents),
    )


def why(floor: Floor, entry: ChatEntry, agent: Agent) -> tuple[Because, ...]:
    """What is between them; never empty."""
    load = floor.chats.loads.get(agent.id)
    if entry.chat is not None and entry.chat.load is load:
        until = entry.chat.began_at + entry.line.queue.settings.ring_seconds
        return (Because(Reason.RINGS_CHAT, until=until),)
    if load is None:
        return (Because(Reason.NO_CHATS),)
    found: list[Because] = []
    facts, queue = entry.facts, entry.line.queue
    if not meets(agent.settings, queue.settings, facts.skills, facts.language):
        found += not_allowed(queue, facts.skills, facts.language, agent)
    found += _no_room(load)
    until = entry.no_offer.get(agent.id, 0.0)
    if until:
        found.append(Because(Reason.PASSED_BY, "", until))
    if entry.chat is not None:
        found.append(Because(Reason.RINGS_ANOTHER, entry.chat.load.agent.id))
    return tuple(found) or (Because(Reason.UNEXPLAINED),)


def _no_room(load: Load) -> tuple[Because, ...]:
    agent, at_most = load.agent, load.agent.settings.chats
    if not load.may_chat:
        found = not_free(agent)
        if found:
            return found
    if len(load.chats) >= at_most:
        return (Because(Reason.CHATS_FULL, f"{len(load.chats)} of {at_most}"),)
    return ()
