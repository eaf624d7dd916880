"""Who stood in a line when the switch died is found at the next start, in order; who was served or promised is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from softswitch.call.records import (
    CallDetail,
    FindPreviousAgent,
    InteractionClosed,
    InteractionOpened,
    InteractionQueued,
    LostCaller,
    PromiseOpened,
    Record,
)
from softswitch.ids import AgentId, CustomerId, InteractionId, LegId, PromiseId, QueueId
from softswitch.store import Store

NOW = 1_800_000_000.0
OpenStore = Callable[..., Awaitable[Store]]


def waits(number: int, at: float, queue: str = "everyday") -> list[Record]:
    interaction = InteractionId(number)
    return [
        InteractionOpened(interaction, f"+372{number}", "8000", None, "et", at - 20.0),
        InteractionQueued(interaction, QueueId(queue), CustomerId("77"), at, "", {}, (), None),
    ]


async def test_only_those_who_waited_are_lost_and_in_order(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    rows = waits(1, NOW - 50) + waits(2, NOW - 90) + waits(3, NOW - 70) + waits(4, NOW - 60) + waits(5, NOW - 200_000)
    rows += [InteractionQueued(InteractionId(2), QueueId("loans"), None, NOW - 30, "key 9", {}, (), None)]
    rows += [InteractionClosed(InteractionId(3), "answered", AgentId("anna"), NOW - 40, 30.0, "")]
    rows += [
        PromiseOpened(
            PromiseId(9), InteractionId(4), QueueId("everyday"), AgentId(""), "+3724", None, "et", NOW, NOW + 60
        ),
        InteractionOpened(InteractionId(6), "+3726", "8000", None, "et", NOW - 10),  # was in the menu
    ]
    for row in rows:
        store.append(row)
    await store.close()
    again = await open_store(database_url)
    lost = (await again.load_start_state(NOW)).lost
    assert lost == (
        LostCaller(InteractionId(2), QueueId("loans"), "+3722", None, "et", NOW - 90),
        LostCaller(InteractionId(1), QueueId("everyday"), "+3721", CustomerId("77"), "et", NOW - 50),
    )


async def test_open_promises_come_back_in_the_order_in_which_the_callers_came(
    database_url: str, open_store: OpenStore
) -> None:
    """2 came first and asked last; 3 never stood in a line."""
    store = await open_store(database_url)
    for row in waits(1, NOW - 50) + waits(2, NOW - 90):
        store.append(row)
    everyday, anybody = QueueId("everyday"), AgentId("")
    for number, made in ((1, NOW - 40), (2, NOW - 10), (3, NOW - 60)):
        await store.append_durable(
            PromiseOpened(
                PromiseId(number), InteractionId(number), everyday, anybody, "+3721", None, "et", made, NOW + 60
            )
        )
    store.append(InteractionQueued(InteractionId(2), QueueId("loans"), None, NOW - 30, "key 9", {}, (), None))
    await store.close()
    again = (await (await open_store(database_url)).load_start_state(NOW)).promises
    assert [(each.interaction, each.entered_at) for each in again] == [(2, NOW - 90), (3, None), (1, NOW - 50)]


async def test_the_calls_of_today_are_counted_and_a_cut_off_is_seen(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    for number, at in ((1, NOW - 90_000), (2, NOW - 500), (3, NOW - 100)):
        store.append(InteractionOpened(InteractionId(number), "+3725", "8000", None, "et", at))
    lost = CallDetail(
        LegId(9), InteractionId(2), "in", "pstn", "+3725", "8000", NOW - 500, NOW - 499, NOW - 400, "us", 200, 41
    )
    store.append(lost)
    await store.close()
    again = await open_store(database_url)
    query = FindPreviousAgent(InteractionId(3), "+3725", None, NOW - 100, 5.0, NOW - 1000)
    found = await again.find_previous_agent(query)
    assert (found.earlier_calls, found.was_cut_off) == (1, True)
    found = await again.find_previous_agent(replace(query, today=NOW - 50))
    assert (found.earlier_calls, found.was_cut_off) == (0, False)
    found = await again.find_previous_agent(replace(query, today=None))
    assert (found.earlier_calls, found.was_cut_off) == (0, False)
