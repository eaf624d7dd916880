"""Calls that go on, in both databases: the newest word counts, and what is over is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgpack
from sqlalchemy import Connection, select
from tests.call.house import House
from tests.call.test_readopted import kept, talking

from softswitch.call.live import CallRestored, CallsResumed, LiveCall
from softswitch.call.records import CallDetail
from softswitch.store import Store
from softswitch.store.live_calls import WORDS, WORDS_NUMBER, WRITTEN_WORDS, packed, words_of
from softswitch.store.tables import call_detail, live_call

from .conftest import NOW

OpenStore = Callable[..., Awaitable[Store]]


def keep(store: Store, call: LiveCall) -> None:
    store.keep_call(call.key, call.at, packed(call))


def a_call() -> LiveCall:
    house = House()
    talking(house)
    (call,) = kept(house)
    return call


async def test_it_comes_back_as_it_was(store: Store) -> None:
    call = a_call()
    keep(store, call)
    await store.flush()
    state = await store.load_start_state(NOW)
    assert (state.calls, state.unreadable) == ((call,), ())


async def test_the_newest_word_counts(store: Store) -> None:
    call = a_call()
    keep(store, call)
    keep(store, replace(call, began_at=7.0))
    await store.flush()
    keep(store, replace(call, began_at=8.0))
    keep(store, replace(call, key=call.key + 1))
    store.forget_call(call.key + 1)
    await store.flush()
    assert [each.began_at for each in (await store.load_start_state(NOW)).calls] == [8.0]
    store.forget_call(call.key)
    keep(store, replace(call, began_at=9.0))
    await store.flush()
    assert [each.began_at for each in (await store.load_start_state(NOW)).calls] == [9.0]
    store.forget_call(call.key)
    store.forget_call(4711)
    await store.flush()
    assert (await store.load_start_state(NOW)).calls == ()


async def test_the_words_of_an_older_version_are_kept_beside(store: Store) -> None:
    """It knew a field that there is no more, and did not know one that there is."""
    call = a_call()
    older = msgpack.unpackb(WRITTEN_WORDS)
    older[0] = [0, *("colour" if name == "destination" else name for name in WORDS[0])]
    written = msgpack.packb(older)
    assert words_of(written)[0] != WORDS[0]
    store.keep_call(-77, NOW, written)
    store.keep_call(call.key, NOW, packed(call).replace(msgpack.packb(WORDS_NUMBER), msgpack.packb(77), 1))
    keep(store, replace(call, key=call.key + 1))
    store.keep_call(call.key + 2, NOW, packed(call).replace(msgpack.packb(WORDS_NUMBER), msgpack.packb(78), 1))
    await store.flush()
    state = await store.load_start_state(NOW)
    assert state.calls == (replace(call, destination=None), replace(call, key=call.key + 1))
    assert state.unreadable == (call.key + 2,)


async def test_what_cannot_be_read_keeps_no_switch_from_starting(store: Store) -> None:
    call = a_call()
    keep(store, call)
    keep(store, replace(call, key=12))
    await store.flush()

    def spoil(connection: Connection) -> None:
        connection.execute(live_call.update().where(live_call.c.id == 12).values(body=b"\x01"))

    await store._database.write(spoil)
    state = await store.load_start_state(NOW)
    assert state.calls == (call,)
    assert state.unreadable == (12,)


async def test_a_detail_says_that_the_switch_was_started_again(store: Store) -> None:
    house = House()
    house.post(CallRestored(a_call()))
    house.post(CallsResumed())
    for leg in house.calls.board.live_legs():
        house.bye(leg.id)
    details = house.of(CallDetail)
    for detail in (details[0], replace(details[1], restarted=False)):
        store.append(detail)
    await store.flush()

    def read(connection: Connection) -> list[object]:
        return [bool(row[0]) for row in connection.execute(select(call_detail.c.restarted).order_by(call_detail.c.leg))]

    assert sorted(map(bool, await store._database.read(read))) == [False, True]
