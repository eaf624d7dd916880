"""Sticky routing: back to the same person as last time.

    previous agent | what happens
    ---------------+------------------------------------------------------------------------------------------
    ready          | rung at once, however long others have idled                                     "direct"
    ringing,       | the caller chooses: wait for her (offered only when the estimate keeps within the
    talking,       | rule's limit), a colleague, or she calls back (only when that is feasible in time).
    wrap-up        | Becoming free while he chooses, she is rung for him; nobody overtakes.
    absent         | her deputy, if she has one, by the same rules                                "deputy"
    else           | general pool, and the record says why                                       "gave_up: ..."

A caller in her own line is served before the general pool, waits no longer than the limit he was told, and goes back
to the general pool with the age he has when the limit passes or she goes away.
"""

from __future__ import annotations

from softswitch.acd import deadlines, estimates, matching, opening, promises
from softswitch.acd.agents import BREAK, OFFLINE, OUTBOUND, READY, SUSPENDED, Agent
from softswitch.acd.eligibility import could_take
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import CallerEntered, CallerNoted, Choice, ChoiceMade, OfferChoice, StickyRule
from softswitch.acd.plain_words import deputy_instead, why_not_her
from softswitch.acd.waiting import Bond, Entry, Stage, add_place, position, remove_place
from softswitch.ids import AgentId

_ABSENT = ("away", "offline", "logged out")  # for longer than a break: her deputy comes first


def why_not(agent: Agent, entry: Entry) -> str:
    """What speaks against this agent; empty: nothing."""
    if not could_take(agent, entry.pool):
        return "skills no longer match"
    if agent.state is OFFLINE:
        return "logged out" if agent.duty.logged_out else "offline"
    if agent.state is BREAK or agent.duty.break_wanted is not None:
        return agent.duty.then.value if agent.duty.break_wanted is not None else "break"
    if agent.state is OUTBOUND:
        return "outbound"
    if agent.state is SUSPENDED:
        return "suspended"
    if agent.duty.logged_out:
        return "logged out"
    if agent.state is not READY and not agent.duty.registered:
        return "offline"
    return ""


def enter(floor: Floor, entry: Entry, facts: CallerEntered, rule: StickyRule, now: float) -> None:
    """A caller whose previous agent is known has entered."""
    assert facts.previous_agent is not None
    agent = floor.agents.get(facts.previous_agent)
    if agent is None:
        give_up(floor, entry, "unknown agent", now)
        return
    against = "away" if agent.id in facts.away else why_not(agent, entry)
    absent = agent
    if against in _ABSENT:
        agent, against = _deputy(floor, entry, agent, facts, against)
    bond = entry.bond = Bond(agent)
    if against:
        give_up(floor, entry, against, now)
    elif agent.state is READY:
        entry.sticky = "direct" if agent is absent else "deputy"
        matching.ring(floor, entry, agent, now, sticky=True)
    else:
        _offer(floor, entry, bond, rule, facts.can_be_called_back, None if agent is absent else absent.id, now)


def _deputy(floor: Floor, entry: Entry, agent: Agent, facts: CallerEntered, against: str) -> tuple[Agent, str]:
    """Who stands in for her, with nothing against him; else she, with what is against her."""
    deputy = floor.agents.get(agent.settings.deputy) if agent.settings.deputy is not None else None
    if deputy is None or deputy.id in facts.away or why_not(deputy, entry):
        return agent, against
    note = deputy_instead(agent.settings.name, deputy.settings.name, against)
    floor.out.append(CallerNoted(entry.id, note))
    return deputy, ""


def _line_is_full(agent: Agent, rule: StickyRule, wait: float, entry: Entry) -> bool:
    """The load guard: her own callers must not make the others wait without bound."""
    if rule.line_callers is not None and len(agent.line.live) >= rule.line_callers:
        return True
    return rule.line_seconds is not None and wait + estimates.handle_seconds(entry.pool.queue) > rule.line_seconds


def _offer(
    floor: Floor,
    entry: Entry,
    bond: Bond,
    rule: StickyRule,
    can_be_called: bool,
    instead_of: AgentId | None,
    now: float,
) -> None:
    agent = bond.agent
    queue = entry.pool.queue
    place = position(agent.line.live, entry.place)
    wait = estimates.until_hers(agent, queue, place - 1, now)
    call_back_wait = estimates.until_hers(agent, queue, len(agent.line.live) + len(agent.line.call_backs), now)
    full = _line_is_full(agent, rule, wait, entry)
    not_before, by = opening.promised(queue, now)
    bond.choices = tuple(
        choice
        for choice in rule.offer
        if choice is Choice.COLLEAGUE
        or (choice is Choice.WAIT and wait <= rule.wait_at_most_seconds and not full)
        or (choice is Choice.CALL_BACK and can_be_called and not not_before and now + call_back_wait <= by)
    )
    if Choice.WAIT not in bond.choices and Choice.CALL_BACK not in bond.choices:
        give_up(floor, entry, "line full" if full else "busy too long", now)
        return
    bond.limit = now + rule.wait_at_most_seconds
    bond.call_back_by = by
    bond.until = now + floor.settings.choice_seconds
    entry.stage = Stage.CHOOSING
    add_place(agent.line.live, entry.place)
    floor.deadlines.add(bond.until, deadlines.BOND, entry)
    matching.limit_wait(floor, entry)
    floor.out.append(
        OfferChoice(
            entry.id, agent.id, wait, bond.call_back_by, bond.choices, *estimates.spread(wait, place), instead_of
        )
    )


def choice_made(floor: Floor, event: ChoiceMade, now: float) -> None:
    entry = floor.entries.get(event.interaction)
    if entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
    elif entry.stage is Stage.PERSONAL and event.choice is Choice.COLLEAGUE:  # his way out, at any time
        leave_line(entry)
        entry.sticky = "colleague"
        matching.place(floor, entry, now, "colleague")
    elif entry.stage is not Stage.CHOOSING:
        floor.reject(Rejection.NOT_NOW)  # she became free, or went away, while he pressed the key
        if entry.stage is Stage.WAITING and entry.promise is None:  # his menu is over now: tell him where he stands
            matching.announce(floor, entry, now, entry.sticky.replace("gave_up", "gone"))
    else:
        choose(floor, entry, event.choice, now)


def choose(floor: Floor, entry: Entry, choice: Choice, now: float) -> None:
    bond = entry.bond
    assert bond is not None and entry.stage is Stage.CHOOSING
    agent = bond.agent
    if choice not in bond.choices:
        choice = Choice.COLLEAGUE
    if choice is Choice.WAIT and now < bond.limit:
        entry.sticky = "waited"
        bond.until = bond.limit
        entry.stage = Stage.PERSONAL
        floor.deadlines.add(bond.limit, deadlines.BOND, entry)
        matching.announce(floor, entry, now, "")
        return
    remove_place(agent.line.live, entry.place)
    bond.until = None
    if choice is Choice.CALL_BACK:
        entry.sticky = "call_back"
        promises.make(floor, entry, agent, bond.call_back_by, now)
    else:
        entry.sticky = "colleague"
        matching.place(floor, entry, now, "colleague")


def bond_due(floor: Floor, subject: object, when: float, now: float) -> None:
    """No choice was made, or he has waited for her as long as he was told."""
    assert isinstance(subject, Entry)
    bond = subject.bond
    if bond is None or bond.until != when:
        return
    if subject.stage is Stage.CHOOSING:
        choose(floor, subject, Choice.COLLEAGUE, now)
    elif subject.stage is Stage.PERSONAL:
        leave_line(subject)
        subject.sticky = "gave_up: wait limit"
        floor.out.append(CallerNoted(subject.id, why_not_her(bond.agent.settings.name, "wait limit")))
        matching.place(floor, subject, now, "wait limit")


def give_up(floor: Floor, entry: Entry, why: str, now: float, because: str = "") -> None:
    entry.sticky = f"gave_up: {why}"
    floor.out.append(CallerNoted(entry.id, why_not_her(_name_of(floor, entry), why)))
    matching.place(floor, entry, now, because)


def _name_of(floor: Floor, entry: Entry) -> str:
    if entry.bond is not None:
        return entry.bond.agent.settings.name
    facts = entry.facts
    return str(facts.previous_agent) if isinstance(facts, CallerEntered) else "the agent"


def leave_line(entry: Entry) -> None:
    """Out of her own line, whatever comes next."""
    assert entry.bond is not None
    remove_place(entry.bond.agent.line.live, entry.place)
    entry.bond.until = None


def agent_gone(floor: Floor, agent: Agent, why: str, now: float) -> None:
    """She went away: live callers of her own line go to the general pool at once; call-backs wait for her return
    until they are due."""
    line = agent.line.live
    while line:
        entry = floor.entries[line[0][1]]
        leave_line(entry)
        give_up(floor, entry, why, now, because=f"gone: {why}")
