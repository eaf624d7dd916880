"""Rules of the house beyond `invariants`: nobody is overtaken beyond what ageing allows, no promise is lost, every
reservation ends by itself, and the engine's own lines, counts and pools fit together."""

from __future__ import annotations

from itertools import pairwise

from picture import SLACK

from softswitch.acd.agents import READY
from softswitch.acd.eligibility import Pool
from softswitch.acd.engine import Engine
from softswitch.acd.messages import (
    AgentState,
    CallerEntered,
    Command,
    PromiseChanged,
    PromiseRestored,
    PromiseState,
    RingAgent,
    RingEnded,
    SavePromise,
)
from softswitch.acd.waiting import Entry, Place, Stage
from softswitch.ids import AgentId, InteractionId, PromiseId

_AT_WORK = (AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAP_UP)
_ENDS = {PromiseState.KEPT, PromiseState.BROKEN, PromiseState.WITHDRAWN}


class HouseRules:
    """`seen` after every step; `look_around` compares everything with everything, and is for now and then."""

    def __init__(self) -> None:
        self.promises: dict[PromiseId, PromiseState] = {}
        self.ended = 0
        self.refused: dict[tuple[InteractionId, AgentId], float] = {}  # not offered to her until then
        self.before: dict[int, list[Place]] = {}  # who waited in which pool before this step

    def seen(self, engine: Engine, commands: list[Command], now: float) -> None:
        ringing = False
        for command in commands:
            kind = type(command)
            if kind is RingAgent:
                ringing = True
                self._in_turn(engine, command, now)  # type: ignore[arg-type]
            elif kind is SavePromise:
                self._made(command.promise)  # type: ignore[union-attr]
            elif kind is PromiseChanged:
                self._changed(command)  # type: ignore[arg-type]
            elif kind is RingEnded:
                ended: RingEnded = command  # type: ignore[assignment]
                self.refused[(ended.interaction, ended.agent)] = now + engine.floor.settings.no_offer_seconds
        if ringing:
            self.reservations_end(engine, now)
        self.remember(engine)

    def remember(self, engine: Engine) -> None:
        pools = engine.floor.eligibility.pools.values()
        self.before = {id(pool): pool.waiting[:] for pool in pools if pool.waiting}

    # ------------------------------------------------------------------ promises

    def _made(self, promise: PromiseId) -> None:
        assert promise not in self.promises, "the same promise twice"
        self.promises[promise] = PromiseState.OPEN

    def restored(self, event: PromiseRestored) -> None:
        self.promises.setdefault(event.promise, PromiseState.OPEN)

    def _changed(self, command: PromiseChanged) -> None:
        assert self.promises[command.promise] is PromiseState.OPEN, "a promise ends once"
        self.promises[command.promise] = command.state
        if command.state in _ENDS:
            del self.promises[command.promise]
            self.ended += 1

    def not_made(self, promise: PromiseId) -> None:
        """The store does not have it: it never was told, and is none."""
        self.promises.pop(promise, None)

    def none_lost(self, engine: Engine) -> None:
        """Whatever is open is in the engine's hands."""
        assert self.promises.keys() == engine.floor.promises.keys(), "a promise was lost"

    # ------------------------------------------------------------------ order

    def _in_turn(self, engine: Engine, ring: RingAgent, now: float) -> None:
        """Rung out of the general pool: nobody she may take, and who still waits, comes before him."""
        floor = engine.floor
        entry = floor.entries.get(ring.interaction)
        agent = floor.agents[ring.agent]
        if ring.sticky or entry is None or entry.attempt is None or entry.attempt.id != ring.attempt:
            return  # her own; or over already within the same step
        weighted = floor.eligibility.weighted
        for pool in agent.pools:
            for place in pool.waiting:
                other = floor.entries[place[1]]
                refused = self.refused.get((other.id, agent.id), -1.0) >= now - SLACK
                if refused or place not in self.before.get(id(pool), ()):  # or he has come there within this step
                    continue
                if weighted:
                    assert _weighted(other, now) <= _weighted(entry, now) + SLACK, "overtaken by weight"
                else:
                    assert entry.place < place, f"{other.id} is overtaken by {entry.id}"
                most = floor.settings.most_head_start_seconds
                if not weighted and _ages(entry, most) and _ages(other, most):
                    assert _came(entry) <= _came(other) + 2 * most, "overtaken beyond the bound of ageing"
                break  # the others of this pool are younger

    # ------------------------------------------------------------------ reservations

    def reservations_end(self, engine: Engine, now: float) -> None:
        """Whoever is rung, and whoever chooses or waits for a save, is let go by the clock alone."""
        ringing = [attempt for attempt in engine.floor.attempts.values() if attempt.answered_at is None]
        if ringing:
            first = min(one.deadline for one in ringing)
            due = engine.next_deadline()
            assert due is not None and due <= first + SLACK, "a ring without a deadline"
            longest = max(one.deadline - one.began_at for one in ringing)
            assert longest <= 240.0, "kept free for ever"

    # ------------------------------------------------------------------ everything

    def look_around(self, engine: Engine, now: float) -> None:
        floor = engine.floor
        self.none_lost(engine)
        self.refused = {key: until for key, until in self.refused.items() if until >= now}
        self.reservations_end(engine, now)
        pools = list(floor.eligibility.pools.values())
        for pool in pools:
            self._pool(pool)
        for entry in floor.entries.values():
            self._entry(entry)
        for queue in floor.queues.values():
            waiting = sorted(place for pool in pools if pool.queue is queue for place in pool.waiting)
            assert queue.line == waiting, "the line of a queue is that of its pools"
            assert queue.accuracy.open.keys() <= floor.entries.keys(), "an estimate of nobody"
        for agent in floor.agents.values():
            for place in agent.line.live:
                assert floor.entries[place[1]].stage in (Stage.PERSONAL, Stage.CHOOSING)
            for place in agent.line.call_backs:
                assert floor.entries[place[1]].stage is Stage.CALL_BACK
            assert (agent.attempt is None) or floor.attempts[agent.attempt.id] is agent.attempt
        self.nobody_waits_for_nobody(engine)
        open_entries = sum(pool.open for pool in pools)
        assert open_entries == len(floor.entries), "interactions are counted in their pools"

    def nobody_waits_for_nobody(self, engine: Engine) -> None:
        """Where the queue overflows when nobody is logged in, nobody waits in an empty house."""
        floor = engine.floor
        for queue in floor.queues.values():
            for _, number in queue.line if queue.settings.overflow_when_nobody else ():
                entry = floor.entries[number]
                pool = floor.eligibility.at_step(entry.pool, len(queue.steps) - 1)
                assert pool.logged_in or entry.promise is not None, f"{number} waits in an empty house"

    def _pool(self, pool: Pool) -> None:
        states = [agent.state for agent in pool.members]
        assert pool.serving == sum(state in _AT_WORK for state in states), "who serves is miscounted"
        assert pool.logged_in == sum(state is not AgentState.OFFLINE for state in states)
        for line in (pool.waiting, pool.short):
            assert all(one < other for one, other in pairwise(line)), "a line out of order"
        listed = [item[3].id for item in pool.idle]
        assert len(listed) == len(set(listed)), "listed twice"
        for agent in pool.members:
            if agent.state is READY:
                assert (agent.id in listed) != (pool in agent.unlisted), f"{agent.id} is ready and not to be found"

    def _entry(self, entry: Entry) -> None:
        stage, pool = entry.stage, entry.pool
        assert stage is not Stage.ENDED
        assert (entry.place in pool.waiting) == (stage is Stage.WAITING)
        assert (entry.attempt is not None) == (stage in (Stage.RINGING, Stage.CALLING)), stage
        if stage in (Stage.PERSONAL, Stage.CHOOSING):
            assert entry.bond is not None and entry.place in entry.bond.agent.line.live
            assert entry.bond.until is not None
        promised = stage in (Stage.SAVING, Stage.CALL_BACK, Stage.PAUSED, Stage.CALLING)
        assert entry.promise is not None or not promised
        assert entry.promise is None or entry.promise.entry is entry


def _ages(entry: Entry, most: float) -> bool:
    """A live caller at the place of his age: no promise, not moved by a supervisor, has not let others go first."""
    return entry.promise is None and abs(entry.place[0] - _came(entry)) <= most


def _came(entry: Entry) -> float:
    facts = entry.facts
    return entry.entered_at - (facts.waited_seconds if isinstance(facts, CallerEntered) else 0.0)


def _weighted(entry: Entry, now: float) -> float:
    age, weight = now - entry.place[0], entry.pool.queue.settings.weight
    return age * weight if age > 0 else age / weight
