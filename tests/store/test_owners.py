"""Whose case a customer or a number is: set by another program, kept, and found with the previous agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from softswitch.call.records import FindPreviousAgent, InteractionClosed, InteractionQueued, OwnerSet, TalkRecord
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, RingAttemptId
from softswitch.store import Store

from .test_lost_callers import NOW, waits

OpenStore = Callable[..., Awaitable[Store]]
QUERY = FindPreviousAgent(InteractionId(3), "+3725", CustomerId("77"), NOW - 100, 5.0, with_owner=True)


def owned(kind: str, who: str, agent: str | None, at: float = NOW) -> OwnerSet:
    return OwnerSet(kind, who, None if agent is None else AgentId(agent), at)


async def test_the_customer_comes_before_the_number_and_both_survive_a_restart(
    database_url: str, open_store: OpenStore
) -> None:
    store = await open_store(database_url)
    await store.append_durable(owned("caller", "+3725", "mart"))
    await store.append_durable(owned("customer", "77", "anna"))
    await store.close()
    again = await open_store(database_url)
    assert (await again.find_previous_agent(QUERY)).owner == "anna"
    assert (await again.find_previous_agent(replace(QUERY, customer=None))).owner == "mart"
    assert (
        await again.find_previous_agent(replace(QUERY, customer=CustomerId("78"), caller="anonymous"))
    ).owner is None
    assert (await again.find_previous_agent(replace(QUERY, with_owner=False))).owner is None
    assert await again.owner("customer", "77") == "anna"


async def test_the_newest_word_counts_and_nobody_is_a_word_too(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    for each in (
        owned("customer", "77", "anna"),
        owned("customer", "77", "mart", NOW + 1),
        owned("customer", "77", "li"),
    ):
        await store.append_durable(each)  # the last one is an older word that was written again
    assert await store.owner("customer", "77") == "mart"
    await store.append_durable(owned("customer", "77", None, NOW + 2))
    assert await store.owner("customer", "77") is None


async def test_the_owner_stands_beside_who_talked_with_him_last(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    store.append(
        TalkRecord(InteractionId(1), RingAttemptId(1), QueueId("q"), AgentId("li"), "+3725", None, NOW - 50, 60.0)
    )
    await store.append_durable(owned("customer", "77", "anna"))
    found = await store.find_previous_agent(QUERY)
    assert (found.agent, found.owner) == ("li", "anna")


async def test_lost_after_a_pass_and_after_an_overflow_they_are_found_in_order(
    database_url: str, open_store: OpenStore
) -> None:
    """1 was passed on and waited again, 2 overflowed into another queue at once, 3 talks with his second agent."""
    store = await open_store(database_url)
    for row in waits(1, NOW - 90) + waits(2, NOW - 80) + waits(3, NOW - 70):
        store.append(row)
    anna, loans = AgentId("anna"), QueueId("loans")
    talk = TalkRecord(InteractionId(1), RingAttemptId(1), QueueId("everyday"), anna, "+3721", None, NOW - 60, 20.0)
    for closed in (
        InteractionClosed(InteractionId(1), "answered", anna, NOW - 60, 30.0, ""),
        talk,
        InteractionQueued(InteractionId(1), loans, None, NOW - 40, "passed on by anna", {}, (), None),
        InteractionClosed(InteractionId(2), "overflowed", None, NOW - 50, 30.0, ""),
        InteractionQueued(InteractionId(2), loans, None, NOW - 50, "overflow", {}, (), None),
        InteractionQueued(InteractionId(3), loans, None, NOW - 40, "passed on by anna", {}, (), None),
        InteractionClosed(InteractionId(3), "answered", anna, NOW - 30, 10.0, ""),
    ):
        store.append(closed)
    await store.close()
    lost = (await (await open_store(database_url)).load_start_state(NOW)).lost
    assert [(each.interaction, each.queue) for each in lost] == [(1, "loans"), (2, "loans")]
