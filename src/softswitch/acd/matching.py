"""Bringing callers and agents together.

Invariant, after every event: no eligible ready agent beside a caller of the general pool, and none beside a live
caller or a due call-back of her own line. Only a no-offer entry (she has just let this caller go by) keeps a pair
apart, until it expires. A caller who hears the choice is bound to one agent and not in the pool.

Two questions are ever asked: who of the ready agents is rung for this caller (`find`), and who of the waiting
callers is this agent rung for (`serve`).
"""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace

from softswitch.acd import deadlines, estimates, places, search
from softswitch.acd.agents import READY, RINGING, Agent, Attempt, Volley, change
from softswitch.acd.eligibility import IdleItem, Pool
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AnnounceWaiting, Outcome, OverflowCaller, PromiseRestored, RingAgent
from softswitch.acd.quick import maker
from softswitch.acd.strategy import NO_FIT, Order, Search
from softswitch.acd.waiting import Entry, Place, Stage, Told, add_place, position, remove_place
from softswitch.ids import AgentId, RingAttemptId

_RINGING = Stage.RINGING
_WAITING = Stage.WAITING
_NEVER = float("inf")
DIAL_SECONDS = 45.0  # a call-back that rings the customer first: so long at most
ASK_SECONDS = 15.0  # and so long he is asked whether he wants to talk now
POSITION = "position"  # because of an announcement that only repeats
_HEAP = Search.HEAP
_ring_agent = maker(RingAgent)


def find(pool: Pool, entry: Entry) -> Agent | None:
    """The first ready agent of the pool who may be offered this caller.

    The heap is put right only when it is looked at. An item of an earlier spell of being ready is too early, never too
    late, because no key ever falls: it is replaced by one with the present key. Who is not ready is taken out, and
    listed again when she is; so becoming ready costs nothing in pools that nobody has searched since.
    """
    idle = pool.idle
    if not idle:
        return None
    order = pool.order
    if order is None and pool.queue.strategy.search is not _HEAP:
        return search.find(pool, entry.no_offer)
    refused = entry.no_offer
    aside: list[IdleItem] = []
    found = None
    while idle:
        item = idle[0]
        agent = item[3]
        if agent.state is not READY:
            heappop(idle)
            agent.unlisted.append(pool)
        elif item[2] != agent.standing.turn:
            standing = agent.standing
            key = pool.key(agent) if order is None else order(standing, NO_FIT)
            heapreplace(idle, (key, standing.number, standing.turn, agent))
        elif refused and agent.id in refused:
            aside.append(heappop(idle))
        else:
            found = agent
            break
    for item in aside:
        heappush(idle, item)
    return found


def ring(floor: Floor, entry: Entry, agent: Agent, now: float, sticky: bool = False) -> None:
    """One live attempt per agent; the deadline ends it whatever the phone does. A caller has one as well, or as many
    as his queue rings together."""
    assert agent.state is READY and agent.attempt is None and entry.attempt is None
    entry.attempt = attempt = _attempt(floor, entry, agent, now, sticky)
    entry.stage = _RINGING
    change(floor.out, agent, RINGING, "", now)
    if entry.pool.queue.at_once > 1 and not attempt.call_back and not sticky:
        attempt.volley = Volley(attempt)
        ring_more(floor, entry, attempt.volley, now)


def _attempt(floor: Floor, entry: Entry, agent: Agent, now: float, sticky: bool) -> Attempt:
    promise = entry.promise
    call_back = promise is not None
    attempt = Attempt(RingAttemptId(floor.ids.number()), entry, agent, now, call_back, sticky)
    agent.standing.offered = attempt.id
    agent.attempt = attempt
    floor.attempts[attempt.id] = attempt
    settings = entry.pool.queue.settings
    deadline = now + settings.ring_seconds
    customer_first = promise is not None and settings.call_back is not None and settings.call_back.customer_first
    if customer_first and promise is not None and not promise.on_line:
        deadline += DIAL_SECONDS + ASK_SECONDS
    attempt.deadline = deadline
    floor.deadlines.add(deadline, deadlines.RING, attempt)
    floor.out.append(_ring_agent(attempt.id, entry.id, agent.id, deadline, call_back, sticky, customer_first))
    return attempt


def ring_more(floor: Floor, entry: Entry, volley: Volley, now: float) -> None:
    """As many of the ready agents as the queue rings together; when they are fewer, who becomes ready joins them."""
    pool = entry.pool
    if now >= entry.entered_at + pool.queue.settings.max_wait_seconds:
        not_short(entry, volley)  # those who ring may still save him, but there is an end to it
        return
    while len(volley.attempts) < pool.queue.at_once:
        agent = find(pool, entry)
        if agent is None:
            if volley.short is None:
                volley.short = pool
                add_place(pool.short, entry.place)
            return
        _join(floor, entry, volley, agent, now)
    not_short(entry, volley)


def _join(floor: Floor, entry: Entry, volley: Volley, agent: Agent, now: float) -> None:
    attempt = _attempt(floor, entry, agent, now, False)
    attempt.volley = volley
    volley.attempts.append(attempt)
    change(floor.out, agent, RINGING, "", now)


def not_short(entry: Entry, volley: Volley) -> None:
    """Nobody else is to be rung for him."""
    if volley.short is not None:
        remove_place(volley.short.short, entry.place)
        volley.short = None


def serve(floor: Floor, agent: Agent, now: float) -> bool:
    """Ring a ready agent for whoever is first: live callers of her own line, then the oldest of all others she may
    take, her call-backs among them by their place."""
    line = agent.line
    if line.live and not _others_turn(floor, agent):
        line.in_a_row += 1
        entry = floor.entries[line.live.pop(0)[1]]
        entry.sticky = "waited"
        ring(floor, entry, agent, now, sticky=True)
        return True
    best: Place | None = None
    source: Pool | None = None
    weighted = floor.eligibility.weighted
    for pool in agent.pools:
        if pool.waiting:
            place = _first_for(floor, pool.waiting, agent)
            if place is not None and (best is None or _before(floor, place, best, weighted, now)):
                best, source = place, pool
    if line.call_backs:
        place = _first_for(floor, line.call_backs, agent)
        if place is not None and (best is None or _before(floor, place, best, weighted, now)):
            remove_place(line.call_backs, place)
            ring(floor, floor.entries[place[1]], agent, now, sticky=True)
            return True
    if best is None or source is None:
        assert not line.live
        return floor.eligibility.together and _serve_short(floor, agent, now)
    line.in_a_row = 0
    remove_place(source.waiting, best)
    remove_place(source.queue.line, best)
    ring(floor, floor.entries[best[1]], agent, now)
    return True


def _others_turn(floor: Floor, agent: Agent) -> bool:
    """The load guard: after so many of her own in a row, an older caller of the others is served first."""
    line = agent.line
    rule = floor.entries[line.live[0][1]].pool.queue.settings.sticky
    if rule is None or rule.line_in_a_row is None or line.in_a_row < rule.line_in_a_row:
        return False
    first = line.live[0]
    places = (_first_for(floor, pool.waiting, agent) for pool in agent.pools)
    return any(place is not None and place < first for place in places)


def _before(floor: Floor, one: Place, other: Place, weighted: bool, now: float) -> bool:
    """The older comes first; where queues have weights, the one whose weight times age is more."""
    if not weighted:
        return one < other
    return (-_weighted_age(floor, one, now), one) < (-_weighted_age(floor, other, now), other)


def _weighted_age(floor: Floor, place: Place, now: float) -> float:
    age = now - place[0]
    weight = floor.entries[place[1]].pool.queue.settings.weight
    return age * weight if age > 0 else age / weight


def _serve_short(floor: Floor, agent: Agent, now: float) -> bool:
    """She joins those who ring for a caller already, where that is how his queue rings."""
    best: Place | None = None
    for pool in agent.pools:
        if pool.short:
            place = _first_for(floor, pool.short, agent)
            if place is not None and (best is None or place < best):
                best = place
    if best is None:
        return False
    entry = floor.entries[best[1]]
    assert entry.attempt is not None and entry.attempt.volley is not None
    volley = entry.attempt.volley
    _join(floor, entry, volley, agent, now)
    if len(volley.attempts) >= entry.pool.queue.at_once:
        not_short(entry, volley)
    return True


def _first_for(floor: Floor, line: list[Place], agent: Agent) -> Place | None:
    for place in line:
        refused = floor.entries[place[1]].no_offer
        if not refused or agent.id not in refused:
            return place
    return None


def agent_free(floor: Floor, agent: Agent, now: float) -> None:
    """She has just become ready: she is rung at once, or every pool of hers knows that she idles."""
    if not serve(floor, agent, now) and agent.unlisted:
        standing = agent.standing
        number, turn = standing.number, standing.turn
        order: Order | None = None
        for pool in agent.unlisted:
            plain = pool.order
            if plain is None:
                pool.list_idle(agent)
                continue
            if plain is not order:  # most queues have the same
                order = plain
                key = order(standing, NO_FIT)
            heappush(pool.idle, (key, number, turn, agent))
        agent.unlisted.clear()


def place(floor: Floor, entry: Entry, now: float, because: str = "") -> None:
    """Into the general pool, at his own place; rung for at once when somebody is free."""
    pool = entry.pool
    relaxes = len(pool.queue.steps) > 1
    if relaxes:
        pool = _relaxed(floor, entry, now)
    live = entry.promise is None
    if live:
        settings = pool.queue.settings
        if settings.overflow_when_nobody and _nobody(floor, pool):
            overflow(floor, entry, "nobody logged in", now)
            return
        if now >= entry.entered_at + settings.max_wait_seconds:
            overflow(floor, entry, "waited too long", now)
            return
    agent = find(pool, entry)
    if agent is not None:
        ring(floor, entry, agent, now)
        if relaxes and entry.pool.queue.at_once > 1:
            _next_step(floor, entry)
        return
    most = pool.queue.settings.most_waiting
    if live and most is not None and len(pool.queue.line) >= most and now <= entry.entered_at:
        overflow(floor, entry, "queue full", now)
        return
    entry.stage = _WAITING
    add_place(pool.waiting, entry.place)
    add_place(pool.queue.line, entry.place)
    if relaxes:
        _next_step(floor, entry)
    if live and (entry.told is None or because):
        announce(floor, entry, now, because)


# ------------------------------------------------------------------ relaxation


def _came_at(entry: Entry) -> float:
    """Time already waited elsewhere counts."""
    facts = entry.facts
    return entry.entered_at - (0.0 if isinstance(facts, PromiseRestored) else facts.waited_seconds)


def _relaxed(floor: Floor, entry: Entry, now: float) -> Pool:
    """The pool of the step that he has come to by now. While nobody of a step is at work, the next one counts."""
    pool = entry.pool
    steps, eligibility, came_at = pool.queue.steps, floor.eligibility, _came_at(entry)
    at = pool.step
    while at + 1 < len(steps) and came_at + steps[at + 1].after <= now:
        at += 1
    found = eligibility.at_step(pool, at) if at != pool.step else pool
    if not found.serving:
        found.open += 1  # not to be forgotten while others are made
        for later in range(at + 1, len(steps)):
            wider = eligibility.at_step(pool, later)
            if wider.serving:
                found.open -= 1
                found = wider
                found.open += 1
                break
        found.open -= 1
    if found is not pool:
        pool.open -= 1
        found.open += 1
        entry.pool = found
    return found


def _next_step(floor: Floor, entry: Entry) -> None:
    steps, following = entry.pool.queue.steps, entry.pool.step + 1
    if following < len(steps):
        floor.deadlines.add(_came_at(entry) + steps[following].after, deadlines.RELAX, entry)


def relax_due(floor: Floor, subject: object, when: float, now: float) -> None:
    """He has waited for so long that less is asked of the agents."""
    assert isinstance(subject, Entry)
    if subject.stage is not Stage.ENDED:
        _widen(floor, subject, now)


def _widen(floor: Floor, entry: Entry, now: float) -> None:
    """Whoever is in the lines of agents, or rung for by one of them, is looked at when he comes back to the pool."""
    stage, old = entry.stage, entry.pool
    if stage is _WAITING:
        new = _relaxed(floor, entry, now)
        if new is not old:
            remove_place(old.waiting, entry.place)
            add_place(new.waiting, entry.place)
            _next_step(floor, entry)
            agent = find(new, entry)
            if agent is not None:
                unplace(entry)
                ring(floor, entry, agent, now)
    elif stage is _RINGING and entry.attempt is not None and entry.attempt.volley is not None:
        volley = entry.attempt.volley
        if _relaxed(floor, entry, now) is not old:
            not_short(entry, volley)
            _next_step(floor, entry)
            ring_more(floor, entry, volley, now)


def relax_unstaffed(floor: Floor, now: float) -> list[Entry]:
    """Somebody came to work or went away: nobody waits for a step at which nobody works. Whoever now stands in another
    pool is still to be looked at (`find_for`), after those who waited there before."""
    moved = []
    for pool in list(floor.eligibility.pools.values()):
        if pool.waiting and not pool.serving and pool.step + 1 < len(pool.queue.steps):
            for line_place in list(pool.waiting):
                entry = floor.entries[line_place[1]]
                new = _relaxed(floor, entry, now)
                if new is not pool:
                    remove_place(pool.waiting, line_place)
                    add_place(new.waiting, line_place)
                    _next_step(floor, entry)
                    moved.append(entry)
    return moved


def find_for(floor: Floor, moved: list[Entry], now: float) -> None:
    """The agents who are ready for these callers, in the callers' own order."""
    weighted = floor.eligibility.weighted

    def turn(entry: Entry) -> tuple[float, Place]:
        return (-_weighted_age(floor, entry.place, now) if weighted else 0.0, entry.place)

    for entry in sorted(moved, key=turn):
        if entry.stage is _WAITING:
            agent = find(entry.pool, entry)
            if agent is not None:
                unplace(entry)
                ring(floor, entry, agent, now)


def unplace(entry: Entry) -> None:
    """Out of the general pool."""
    remove_place(entry.pool.waiting, entry.place)
    remove_place(entry.pool.queue.line, entry.place)


def place_call_back(floor: Floor, entry: Entry, now: float) -> None:
    """A call-back waits for its agent; overdue, for any agent of the pool."""
    promise = entry.promise
    assert promise is not None
    agent = promise.agent
    if promise.on_line:
        place(floor, entry, now)
    elif not entry.pool.queue.is_open or floor.no_way_out:
        entry.stage = Stage.PAUSED
    elif promise.open_to_all or agent is None:
        place(floor, entry, now)
    elif agent.state is READY and not (entry.no_offer and agent.id in entry.no_offer):
        ring(floor, entry, agent, now, sticky=True)
    else:
        entry.stage = Stage.CALL_BACK
        add_place(agent.line.call_backs, entry.place)


def overflow(floor: Floor, entry: Entry, because: str, now: float) -> None:
    floor.out.append(OverflowCaller(entry.id, because))
    floor.finish(entry, Outcome.OVERFLOWED, None, now)


def _nobody(floor: Floor, pool: Pool) -> bool:
    """Nobody is logged in who may take these callers, now or after a longer wait."""
    if pool.logged_in:
        return False
    steps = range(pool.step + 1, len(pool.queue.steps))
    return not any(floor.eligibility.at_step(pool, step).logged_in for step in steps)


def overflow_unstaffed(floor: Floor, pools: list[Pool], now: float) -> None:
    """The last agent who could have taken these callers has logged out."""
    for pool in list(pools):
        if not pool.logged_in and pool.queue.settings.overflow_when_nobody:
            for earlier in floor.eligibility.up_to(pool):  # who waits for her step to come
                if earlier.waiting and _nobody(floor, earlier):
                    _overflow_all(floor, earlier, now)


def _overflow_all(floor: Floor, pool: Pool, now: float) -> None:
    for line_place in list(pool.waiting):
        entry = floor.entries[line_place[1]]
        if entry.promise is None:
            unplace(entry)
            overflow(floor, entry, "nobody logged in", now)


def limit_wait(floor: Floor, entry: Entry) -> None:
    """He could not be served at once: from now on the longest wait of the queue counts."""
    floor.deadlines.add(entry.entered_at + entry.pool.queue.settings.max_wait_seconds, deadlines.MAX_WAIT, entry)


def announce(floor: Floor, entry: Entry, now: float, because: str) -> None:
    """Tell him that he waits, where, and how long about; again after `say_position_every_seconds`, when it is not what
    he has heard already."""
    if entry.told is None:
        entry.told = Told()
        limit_wait(floor, entry)
    if entry.stage is Stage.PERSONAL:
        assert entry.bond is not None
        agent = entry.bond.agent
        ahead = position(agent.line.live, entry.place) - 1
        left = max((entry.bond.until or now) - now, 0.0)
        estimate = min(estimates.until_hers(agent, entry.pool.queue, ahead, now), left)
        _tell(floor, entry, ahead + 1, estimate, agent.id, because, now, left)
    else:
        at, general = estimates.of_place(entry.pool, entry.place)
        _tell(floor, entry, at, general, None, because, now)
    say_later(floor, entry, now)


def _tell(
    floor: Floor,
    entry: Entry,
    at: int,
    estimate: float | None,
    agent: AgentId | None,
    because: str,
    now: float,
    at_most: float = _NEVER,
) -> None:
    told = entry.told
    assert told is not None
    asks = agent is None and places.to_be_asked(entry, told, at, estimate, now)
    low = high = None
    said = (at, -1, -1)
    if estimate is not None:
        low, high = estimates.spread(estimate, at)
        high = min(high, at_most)
        said = (at, int(low // 60.0), int(-(-high // 60.0)))
        estimates.told(entry.pool.queue, entry.id, (estimate, (low, high)), now)
    says = entry.pool.queue.settings.say_position_every_seconds > 0
    if because != POSITION or asks or (says and said != told.said):
        told.said = said
        floor.out.append(AnnounceWaiting(entry.id, at, estimate, agent, because, low, high, asks))


def say_later(floor: Floor, entry: Entry, now: float) -> None:
    told = entry.told
    assert told is not None
    every = entry.pool.queue.settings.say_position_every_seconds
    told.again_at = min(now + every if every > 0 else _NEVER, places.asks_at(entry, told, now))
    if told.again_at < _NEVER:
        floor.deadlines.add(told.again_at, deadlines.SAY_POSITION, entry)
