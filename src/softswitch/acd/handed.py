"""A caller comes to an agent from a colleague's hands, past the line: no ring of the queues, but a talk as any.

READY, SUSPENDED (her phone rang as a call of her own), WRAP_UP, BREAK ... --AgentTookOver--> TALKING
  --ConversationEnded--> WRAP_UP --> what she did before: a break goes on
"""

from __future__ import annotations

from softswitch.acd.agents import BREAK, OUTBOUND, TALKING, Attempt, change
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import AgentTookOver, CallerEntered
from softswitch.acd.shifts import wrap_up_over
from softswitch.acd.waiting import Entry, Stage


def took_over(floor: Floor, event: AgentTookOver, now: float) -> None:
    """Not obeyed for an agent who is rung or talks with another caller: then that is what she is seen to do."""
    agent = floor.agents.get(event.agent)
    queue = floor.queues.get(event.queue)
    if agent is None or queue is None:
        floor.reject(Rejection.UNKNOWN_AGENT if agent is None else Rejection.UNKNOWN_QUEUE)
        return
    if agent.attempt is not None or event.attempt in floor.attempts:
        floor.reject(Rejection.NOT_NOW)
        return
    if agent.state in (BREAK, OUTBOUND):
        agent.duty.break_wanted = agent.reason
        agent.duty.then = agent.state
        left = None if agent.deadline is None else agent.deadline - now
        agent.duty.break_limit = left if left is not None and left > 0 else None
    wrap_up_over(agent, now)
    facts = CallerEntered(event.interaction, event.queue, "", None, event.language, None)
    entry = Entry(facts, floor.eligibility.pool(queue, (), ""), now, now)
    entry.stage = Stage.ENDED  # he is in no line
    attempt = Attempt(event.attempt, entry, agent, now, call_back=False, sticky=False)
    attempt.answered_at = now
    attempt.over = True
    floor.attempts[attempt.id] = attempt
    agent.attempt = attempt
    agent.duty.no_answers = 0
    agent.standing.calls += 1
    change(floor.out, agent, TALKING, "", now)
