"""Calls are written behind: what changes together is written once; what is over or too old is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.call.house import ANNA, House
from tests.call.test_readopted import dialog, kept, talking

from softswitch.app.survivors import LONGEST_SECONDS, Survivors, survivors_of
from softswitch.call.live import CallRestored, CallsResumed, LiveCall
from softswitch.call.live_calls import LiveCalls
from softswitch.call.records import StartState
from softswitch.ids import IdSource, LegId
from softswitch.sip.messages import AckReceived, EndedBy, InviteAnswered, LegEnded
from softswitch.sip.survivor import EstablishedLeg, LegsRestored
from softswitch.store import Store
from softswitch.store.tables import call_detail


class HouseClock:
    """The time of a house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def now(self) -> float:
        return self._house.now

    def wall(self, at: float) -> float:
        return self._house.calls.board.line.wall(at)


class Written:
    """A house whose calls are written."""

    def __init__(self, store: Store) -> None:
        self.house = House()
        self.store = store
        self.posted: list[Any] = []
        clock: Any = HouseClock(self.house)
        self.survivors = Survivors(store, clock, LiveCalls(self.house.calls, self._dialog), self.posted.append)
        self._deliver = self.house._deliver
        self.house._deliver = self._heard  # type: ignore[method-assign]

    def _dialog(self, leg: LegId) -> EstablishedLeg | None:
        """Whoever rings is not up."""
        return None if leg in {each.leg for each in self.house.ringing()} else dialog(leg)

    def _heard(self, message: Any) -> None:
        self._deliver(message)
        if isinstance(message, Survivors.OF_LEGS):
            self.survivors.leg_changed(message)

    async def calls(self) -> tuple[LiveCall, ...]:
        self.survivors.look()
        await self.store.flush()
        return (await self.store.load_start_state(0.0)).calls


@pytest.fixture
async def written(tmp_path: Path) -> AsyncIterator[Written]:
    store = Store(f"sqlite:///{tmp_path / 'line.db'}")
    await store.open()
    yield Written(store)
    await store.close()


async def test_a_call_is_kept_as_it_goes_and_forgotten_at_its_end(written: Written) -> None:
    house = written.house
    house.register(ANNA)
    caller = house.to_queue()
    assert [call.kind for call in await written.calls()] == ["waiting"]
    (invite,) = house.ringing()
    house.answer(invite)
    (call,) = await written.calls()
    assert (call.kind, [each.sip.leg for each in call.legs]) == ("talk", [caller, invite.leg])
    house.bye(caller)
    assert await written.calls() == ()
    assert written.survivors._legs_of == {}
    assert written.survivors._key_of == {}
    assert written.survivors._kept == {}


async def test_what_changes_together_is_written_once(written: Written) -> None:
    before = written.store.health().committed
    talking(written.house)
    await written.calls()
    assert written.store.health().committed == before + 1


async def test_it_is_looked_at_without_being_asked(written: Written) -> None:
    looked = asyncio.Event()
    look = written.survivors.look

    def noted() -> None:
        look()
        looked.set()

    written.survivors.look = noted  # type: ignore[method-assign]
    written.house.register(ANNA)
    written.house.to_queue()
    async with asyncio.timeout(30):
        await looked.wait()
    await written.store.flush()
    assert written.store.health().committed == 1


async def test_a_leg_that_was_never_kept_costs_the_database_nothing(written: Written) -> None:
    for message in (InviteAnswered(LegId(5), None), LegEnded(LegId(5), EndedBy.PEER, 486)):
        written.survivors.leg_changed(message)
    assert await written.calls() == ()
    assert written.store.health().committed == 0


async def test_at_start_calls_are_told_of_and_their_numbers_are_not_given_again(written: Written) -> None:
    other = House()
    talking(other)
    (call,) = kept(other)
    ids = IdSource(1)
    written.survivors.restore(StartState((), (), (), calls=(call,)), ids)
    assert [type(event) for event in written.posted] == [CallRestored, LegsRestored]
    assert ids.number() > max(each.sip.leg for each in call.legs)
    written.survivors.resume(StartState((), (), (), calls=(call,)))
    assert written.posted[-1] == CallsResumed(frozenset())
    assert survivors_of((call,)) == {call.key}


async def test_what_is_too_old_or_not_wanted_is_forgotten(written: Written) -> None:
    other = House()
    talking(other)
    (call,) = kept(other)
    old = replace(call, at=call.at - LONGEST_SECONDS - 60)
    written.store.keep_call(call.key, 1.0, b"\xc0")
    written.store.keep_call(12, 1.0, b"\xc0")
    written.survivors.restore(StartState((), (), (), calls=(old,), unreadable=(12,)), IdSource(1))
    assert written.posted == []
    await written.store.flush()
    details = await written.store._database.read(lambda database: database.execute(select(call_detail)).all())
    assert sorted(each.leg for each in details) == sorted(each.sip.leg for each in call.legs)
    assert all(each.restarted and each.answered_at for each in details)
    state = await written.store.load_start_state(0.0)
    assert (state.calls, state.unreadable) == ((), ())
    written.store.keep_call(call.key, 1.0, b"\xc0")
    Survivors.forget(written.store, StartState((), (), (), calls=(call,)))
    await written.store.flush()
    assert (await written.store.load_start_state(0.0)).unreadable == ()


async def test_after_the_stop_nothing_is_written(written: Written) -> None:
    caller, _ = talking(written.house)
    written.house.bye(caller)
    written.survivors.close()
    before = written.store.health().committed
    written.survivors.leg_changed(AckReceived(LegId(1), None))
    written.survivors.look()
    await written.store.flush()
    assert written.store.health().committed == before
