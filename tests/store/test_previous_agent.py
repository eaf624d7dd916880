"""Who spoke with this caller last: the question that sticky routing stands on."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from tests.store.conftest import PostgresServer

from softswitch.call.records import FindPreviousAgent, TalkRecord
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, RingAttemptId
from softswitch.store import Store, WriterSettings
from softswitch.store.recent import RecentTalks

NOW = 1_800_000_000.0
DAY = 86_400.0
A, B = "+3725550001", "+3725550002"
UNWRITTEN = WriterSettings(group_seconds=3600.0)
_numbers = itertools.count(1)


def talk(agent: str, caller: str, ago: float, seconds: float = 60.0, customer: str | None = None) -> TalkRecord:
    number = next(_numbers)
    return TalkRecord(
        InteractionId(number),
        RingAttemptId(number),
        QueueId("everyday"),
        AgentId(agent),
        caller,
        None if customer is None else CustomerId(customer),
        NOW - ago,
        seconds,
    )


async def ask(
    store: Store, caller: str, customer: str | None = None, look_back: float = 30 * DAY, at_least: float = 20.0
) -> str | None:
    await store.flush()
    asked = None if customer is None else CustomerId(customer)
    found = await store.find_previous_agent(
        FindPreviousAgent(InteractionId(1), caller, asked, NOW - look_back, at_least)
    )
    assert (found.interaction, found.customer) == (1, asked)
    return found.agent


async def test_nobody_spoke_with_a_stranger(store: Store) -> None:
    store.append(talk("anna", A, 60))
    assert await ask(store, B) is None
    assert await ask(store, B, "77") is None


async def test_the_newest_talk_counts(store: Store) -> None:
    store.append(talk("anna", A, ago=3 * DAY))
    store.append(talk("mart", A, ago=1 * DAY))
    store.append(talk("li", A, ago=2 * DAY))  # written later, spoken earlier
    store.append(talk("kadri", B, ago=60))
    assert await ask(store, A) == "mart"


async def test_look_back_ends_memory(store: Store) -> None:
    store.append(talk("anna", A, ago=10 * DAY))
    assert await ask(store, A, look_back=10 * DAY) == "anna"
    assert await ask(store, A, look_back=9.99 * DAY) is None


async def test_a_short_talk_is_no_acquaintance(store: Store) -> None:
    store.append(talk("anna", A, ago=2 * DAY, seconds=20.0))
    store.append(talk("mart", A, ago=1 * DAY, seconds=19.9))
    assert await ask(store, A, at_least=20.0) == "anna"
    assert await ask(store, A, at_least=5.0) == "mart"
    assert await ask(store, A, at_least=21.0) is None


async def test_a_customer_is_known_from_any_number(store: Store) -> None:
    store.append(talk("anna", A, ago=2 * DAY, customer="77"))
    assert await ask(store, B, "77") == "anna"
    assert await ask(store, B, "78") is None


async def test_the_newest_of_number_and_customer(store: Store) -> None:
    store.append(talk("anna", A, ago=2 * DAY, customer="77"))
    store.append(talk("mart", B, ago=1 * DAY))
    assert await ask(store, B, "77") == "mart"
    store.append(talk("li", A, ago=60, customer="77"))
    assert await ask(store, B, "77") == "li"


@pytest.mark.parametrize("hidden", ["", "anonymous", "Anonymous", "unknown", "restricted"])
async def test_callers_without_a_number_do_not_share_an_agent(store: Store, hidden: str) -> None:
    store.append(talk("anna", hidden, ago=60))
    assert await ask(store, hidden) is None
    store.append(talk("mart", hidden, ago=30, customer="77"))
    assert await ask(store, hidden, "77") == "mart"
    assert await ask(store, hidden, "78") is None


async def test_hostile_numbers_are_only_text(store: Store) -> None:
    store.append(talk("anna", "' OR 1=1 --", ago=60))
    assert await ask(store, "' OR 1=1 --") == "anna"
    assert await ask(store, "' OR 'a'='a") is None
    assert await ask(store, "%") is None
    assert await ask(store, "\ud800\x00") is None  # no database can even look for it
    assert await ask(store, "' OR 1=1 --") == "anna"


# ------------------------------------------------------------------ what the database does not have yet


def question(caller: str, customer: str | None = None, look_back: float = DAY) -> FindPreviousAgent:
    return FindPreviousAgent(
        InteractionId(1), caller, CustomerId(customer) if customer else None, NOW - look_back, 20.0
    )


async def test_a_caller_who_dials_again_before_his_talk_is_written(
    database_url: str, open_store: Callable[..., Awaitable[Store]]
) -> None:
    """The writer waits here for an hour: a slow disk made a returning caller a stranger."""
    store = await open_store(database_url, UNWRITTEN)
    store.append(talk("mart", A, ago=2 * 3600, customer="77"))
    await store.flush()
    store.append(talk("anna", A, ago=60))
    assert (await store.find_previous_agent(question(A))).agent == "anna"
    assert (await store.find_previous_agent(question(A, "77"))).agent == "anna"
    assert (await store.find_previous_agent(question(B, "77"))).agent == "mart"
    assert (await store.find_previous_agent(question(B))).agent is None
    assert store.health().depth == 1, "nothing was written meanwhile"
    store.append(talk("li", A, ago=30, seconds=19.0))  # too short to count
    store.append(talk("kadri", A, ago=3 * 3600))  # older than what is written
    assert (await store.find_previous_agent(question(A))).agent == "anna"
    assert (await store.find_previous_agent(question(A, look_back=40))).agent is None


async def test_a_database_that_does_not_answer_in_time(
    tmp_path: object, open_store: Callable[..., Awaitable[Store]]
) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/line.db")
    store.append(talk("anna", A, ago=60))
    released = threading.Event()
    stuck = asyncio.create_task(store._database.read(lambda connection: released.wait(30)))
    try:
        await asyncio.sleep(0)
        assert (await store.find_previous_agent(question(A))).agent == "anna"
        assert (await store.find_previous_agent(question(B))).agent is None
    finally:
        released.set()
        await stuck
    assert (await store.find_previous_agent(question(A))).agent == "anna"


@pytest.mark.postgresql
async def test_a_server_that_hangs_holds_nobody_up(
    postgres: PostgresServer, open_store: Callable[..., Awaitable[Store]]
) -> None:
    """The driver says good-bye to a connection for two seconds; a caller waits a quarter of one."""
    store = await open_store(postgres.new_database())
    store.append(talk("anna", A, ago=60))
    await store.flush()
    backends = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    here = await store._database.read(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar())
    others = await store._database.read(lambda connection: list(connection.execute(text(backends)).scalars()))
    for pid in (here, *others):
        os.kill(pid, signal.SIGSTOP)
    try:
        asked = [asyncio.create_task(store.find_previous_agent(question(A))) for _ in range(5)]
        _, late = await asyncio.wait(asked, timeout=1.5)
        assert not late, "who waits for them has gone into the queue as a stranger"
    finally:
        for pid in (here, *others):
            os.kill(pid, signal.SIGCONT)
    assert [(await each).agent for each in asked] == ["anna"] * 5
    assert (await store.find_previous_agent(question(A))).agent == "anna"


def test_what_is_remembered_is_bounded() -> None:
    recent = RecentTalks(most_callers=100)
    for number in range(1000):
        recent.note(talk("anna", f"+{number}", ago=60, customer=str(number)))
        recent.note(talk("anna", "anonymous", ago=60))
        recent.note(talk("mart", "+0", ago=50))  # calls all the time
    assert len(recent) == 100
    assert recent.newest(question("+0")) == (NOW - 50, "mart")
    assert recent.newest(question("+999", "5")) == (NOW - 60, "anna")
    assert recent.newest(question("+900")) is None
    assert recent.newest(question("Anonymous")) is None
