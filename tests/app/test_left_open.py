"""Whenever the switch is killed: at the end every interaction has its outcome, and every leg its CDR."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.call.house import ANNA, EVERYDAY, FLOW, LI, MART, House, make_settings, offer
from tests.call.test_readopted import dialog
from tests.store.conftest import database_url, postgres  # noqa: F401  (fixtures)

from softswitch.acd.messages import SavePromise
from softswitch.app.remember import Memory
from softswitch.app.survivors import Survivors, close_left_open
from softswitch.app.switch import _CALL_RECORDS
from softswitch.call.board import NOBODY
from softswitch.call.live_calls import LiveCalls
from softswitch.call.orders import AskColleague, ConsultStep, PassCaller, Supervise
from softswitch.call.record import RECORDED, promise_row
from softswitch.call.recording_settings import RecordingPlan, RecordRule
from softswitch.call.records import StartState
from softswitch.call.settings import Settings
from softswitch.ids import LegId
from softswitch.sip.messages import Hangup, InviteReceived, Origin, ReferReceived
from softswitch.sip.survivor import EstablishedLeg
from softswitch.store import Store
from softswitch.store.tables import call_detail, interaction, promise

WALL = 1e9  # of a house


class HouseClock:
    """The time of a house, which goes on from one life to the next."""

    def __init__(self, house: House) -> None:
        self._house = house

    def now(self) -> float:
        return self._house.now

    def wall(self, at: float) -> float:
        return at + WALL

    def monotonic(self, wall: float) -> float:
        return wall - WALL


class Looking(Survivors):
    """Looks when it is told to, so that a story is the same each time."""

    def leg_changed(self, message: Any) -> None:
        self._changed[message.leg] = None


def bank() -> Settings:
    """Everything is recorded, and Li listens to whom she likes."""
    settings = make_settings()
    plan = RecordingPlan({EVERYDAY: RecordRule("always")})
    call = replace(settings.call, supervised={LI: frozenset((ANNA, MART))}, recording=plan)
    return replace(settings, call=call)


class Life:
    """One process: a house, whose records and calls are written as the switch writes them."""

    def __init__(self, store: Store, number: int, now: float, survive: bool = True) -> None:
        self.house = House(bank())
        self.house.now = now
        self.house.calls.board.ids.above(number * 100_000)
        self.house._next_leg += number * 10_000
        self.store = store
        clock: Any = HouseClock(self.house)
        self.memory = Memory(store, clock, self.house.post)
        self.survivors: Survivors | None = None
        if survive:
            self.survivors = Looking(store, clock, LiveCalls(self.house.calls, self._dialog), self.house.post)
        self._deliver = self.house._deliver
        self.house._deliver = self._heard  # type: ignore[method-assign]

    def _dialog(self, leg: LegId) -> EstablishedLeg | None:
        return None if leg in {each.leg for each in self.house.ringing()} else dialog(leg)

    def _heard(self, message: Any) -> None:
        self._deliver(message)
        if isinstance(message, _CALL_RECORDS):
            self.memory.append(message)
        elif isinstance(message, RECORDED):
            self.memory.record(message)
        elif isinstance(message, SavePromise):
            self.store.append(promise_row(message, lambda at: at + WALL))
        if self.survivors is not None and isinstance(message, Survivors.OF_LEGS):
            self.survivors.leg_changed(message)

    async def start(self) -> StartState:
        """In the order of `Switch._open` and `Switch._restore`."""
        house = self.house
        state = await self.store.load_start_state(house.now + WALL)
        ids = house.calls.board.ids
        calls = ()
        if self.survivors is None:
            Survivors.forget(self.store, state)
        else:
            calls = self.survivors.restore(state, ids)
        house.register(ANNA, MART, LI)
        if self.survivors is not None:
            self.survivors.resume(state)
        for each in state.promises:
            house.post(self.memory.promise_restored(each))
        owners = [each[1] for each in house.calls.board._legs.values()]
        assert NOBODY not in owners, "each leg that goes on is somebody's"
        close_left_open(state, calls, frozenset(), house.settings.sip.trunks, ids, house.post)
        return state

    def step(self, random: Random) -> None:
        house = self.house
        legs = [leg.id for leg in house.calls.board.live_legs()]
        ringing = house.ringing()
        what = random.randrange(14)
        if what <= 1:
            leg = house.call(f"+37255{random.randrange(100_000, 999_999)}")
            if what == 1:
                house.press(leg, "1")
        elif what <= 3 and ringing:
            house.answer(random.choice(ringing))
        elif what == 4 and ringing:
            house.refuse(random.choice(ringing))
        elif what == 5 and legs:
            house.bye(random.choice(legs))
        elif what == 6 and legs:
            house.press(random.choice(legs), random.choice("123"))
        elif what == 7 and legs:
            house.prompt_over(random.choice(legs))
        elif what == 8:
            house.post(AskColleague(random.choice((ANNA, MART)), random.choice(("1000", "1001", "1002"))))
        elif what == 9:
            house.post(ConsultStep(random.choice((ANNA, MART)), random.choice(("together", "hand_over", "back"))))
        elif what == 10:
            house.post(Supervise(LI, random.choice((ANNA, MART)), random.choice(("listen", "whisper", "barge"))))
        elif what == 11 and legs:
            house.post(ReferReceived(random.choice(legs), random.choice(("1000", "1001", "1002")), None))
        elif what == 12:
            self._agent_calls(random)
        elif what == 13 and house.calls.sessions:
            house.post(PassCaller(random.choice(list(house.calls.sessions)), EVERYDAY))
        else:
            house.wait(random.choice((0.1, 3.0, 40.0)))

    def _agent_calls(self, random: Random) -> None:
        house = self.house
        house._next_leg += 1
        who, to = random.choice((ANNA, MART, LI)), random.choice(("1000", "1001", "1002"))
        house.post(InviteReceived(LegId(house._next_leg), Origin(agent=who), to, who, "", offer(), FLOW))

    async def look(self, random: Random) -> None:
        if self.survivors is not None and random.random() < 0.5:
            self.survivors.look()
        if random.random() < 0.3:
            await self.store.flush()

    async def end(self) -> None:
        for leg in self.house.calls.board.live_legs():
            self.house.post(Hangup(leg.id, None))
        self.house.wait(1.0)
        if self.survivors is not None:
            self.survivors.look()


@asynccontextmanager
async def opened(url: str, kill: Random | None = None) -> AsyncIterator[Store]:
    """`kill`: of what waits to be written some is written, in order, and the rest is lost."""
    store = Store(url, wall_clock=lambda: WALL)
    await store.open()
    yield store
    if kill is not None:
        queue = store._writer._queue
        for _ in range(kill.randrange(len(queue) + 1)):
            queue.pop()
    await store.close()


async def everything(store: Store) -> tuple[list[Any], list[Any], list[Any]]:
    def read(connection: Connection) -> tuple[list[Any], ...]:
        return tuple(list(connection.execute(select(table))) for table in (interaction, call_detail, promise))

    return await store._database.read(read)  # type: ignore[return-value]


async def story(url: str, seed: int, kills: int) -> None:
    random = Random(seed)
    now, known = 1000.0, dict[LegId, None]()
    for number in range(kills):
        async with opened(url, random) as store:
            life = Life(store, number, now, survive=random.random() < 0.8)
            state = await life.start()
            known |= dict.fromkeys(kept.sip.leg for call in state.calls for kept in call.all_legs)
            life.house.to_queue()
            for _ in range(random.randrange(2, 25)):
                life.step(random)
                await life.look(random)
            now = life.house.now + random.choice((0.5, 30.0, 90_000.0))
    async with opened(url) as store:
        life = Life(store, kills, now)
        state = await life.start()
        known |= dict.fromkeys(kept.sip.leg for call in state.calls for kept in call.all_legs)
        await life.end()
        await store.flush()
        interactions, details, promises = await everything(store)
    promised = {row.interaction for row in promises if row.state == "open"}
    assert interactions
    assert [row for row in interactions if row.outcome is None and row.id not in promised] == []
    legs = {row.leg for row in details}
    assert [leg for leg in known if leg not in legs] == [], "of every leg that was kept there is a CDR"
    ways_in = [row.interaction for row in details if row.direction == "in" and row.interaction is not None]
    assert sorted(ways_in) == sorted(row.id for row in interactions), "each caller has one"
    for row in interactions:
        if row.ended_at is not None:
            assert row.began_at <= row.ended_at <= now + 1.0 + WALL
    for row in details:
        assert row.began_at <= (row.answered_at or row.began_at) <= row.ended_at <= now + 1.0 + WALL


@pytest.mark.parametrize("seed", range(4))
async def test_whenever_it_is_killed(database_url: str, seed: int) -> None:  # noqa: F811
    await story(database_url, seed, 2 if database_url.startswith("postgresql") else 5)
