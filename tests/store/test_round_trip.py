"""What goes into the store comes out again, on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, select

from softswitch.call.records import (
    AgentRecord,
    CallDetail,
    InteractionClosed,
    InteractionOpened,
    InteractionQueued,
    OpenPromise,
    PromiseAnswered,
    PromiseOpened,
    PromiseUpdated,
    Record,
    RingRecord,
    StoredContact,
    TalkRecord,
)
from softswitch.ids import AgentId, CustomerId, InteractionId, LegId, PromiseId, QueueId, RingAttemptId, TrunkId
from softswitch.store import Store
from softswitch.store.tables import call_detail, interaction, promise, queue_entry, ring_attempt, talk

NOW = 1_800_000_000.0
OpenStore = Callable[..., Awaitable[Store]]
ANNA, MART = AgentId("anna"), AgentId("mart")


async def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    def read(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in connection.execute(select(table))]

    return await store._database.read(read)


def contact(agent: AgentId = ANNA, **changes: Any) -> StoredContact:
    fields: dict[str, Any] = {
        "uri": "sip:anna@192.0.2.7:5062;transport=udp",
        "transport": "udp",
        "local": ("192.0.2.1", 5060),
        "remote": ("192.0.2.7", 5062),
        "call_id": "a84b4c76e66710",
        "cseq": 314,
        "expires_at": NOW + 300,
        "q": 0.7,
        "user_agent": "a phone",
    }
    return StoredContact(agent=agent, **(fields | changes))


def promised(number: int, **changes: Any) -> PromiseOpened:
    fields: dict[str, Any] = {
        "interaction": InteractionId(number + 1),
        "queue": QueueId("everyday"),
        "agent": ANNA,
        "caller": "+3725550001",
        "customer": CustomerId("77"),
        "language": "et",
        "made_at": NOW,
        "due_at": NOW + 3600,
    }
    return PromiseOpened(PromiseId(number), **(fields | changes))


async def test_an_empty_database_gives_an_empty_start(store: Store) -> None:
    state = await store.load_start_state(NOW)
    assert (state.contacts, state.agents, state.promises) == ((), (), ())
    assert store.health().ok


async def test_contacts_are_replaced_as_a_list(store: Store) -> None:
    first, second = contact(), contact(uri="sip:anna@192.0.2.8", cseq=315)
    await store.save_contacts(ANNA, (first, second))
    await store.save_contacts(MART, (contact(MART),))
    assert (await store.load_start_state(NOW)).contacts == (first, second, contact(MART))
    await store.save_contacts(ANNA, (second,))
    assert (await store.load_start_state(NOW)).contacts == (second, contact(MART))
    await store.save_contacts(ANNA, ())
    assert (await store.load_start_state(NOW)).contacts == (contact(MART),)


async def test_expired_contacts_stay_behind(store: Store) -> None:
    await store.save_contacts(ANNA, (contact(expires_at=NOW - 1), contact(uri="sip:b@192.0.2.8")))
    assert [one.uri for one in (await store.load_start_state(NOW)).contacts] == ["sip:b@192.0.2.8"]


async def test_an_agents_state_is_the_last_line_of_the_journal(store: Store) -> None:
    for state in ("ready", "ringing", "talking", "wrap-up"):
        # All at the same moment: the order of the journal decides, not the clock.
        store.append(AgentRecord(ANNA, state, "", NOW, NOW + 30 if state == "wrap-up" else None, False))
    store.append(AgentRecord(MART, "break", "lunch", NOW - 50, None, False))
    store.append(AgentRecord(AgentId("li"), "offline", "", NOW, None, True))
    await store.flush()
    assert {line.agent: line for line in (await store.load_start_state(NOW)).agents} == {
        ANNA: AgentRecord(ANNA, "wrap-up", "", NOW, NOW + 30, False),
        MART: AgentRecord(MART, "break", "lunch", NOW - 50, None, False),
        "li": AgentRecord(AgentId("li"), "offline", "", NOW, None, True),
    }


async def test_the_journal_goes_on_after_a_restart(database_url: str, open_store: OpenStore) -> None:
    first = await open_store(database_url)
    await first.append_durable(AgentRecord(ANNA, "ready", "", NOW, None, False))
    await first.close()
    second = await open_store(database_url)  # the same wall clock: its numbers must not collide
    await second.append_durable(AgentRecord(ANNA, "break", "lunch", NOW, None, False))
    assert [line.state for line in (await second.load_start_state(NOW)).agents] == ["break"]


async def test_promises_until_they_are_settled(store: Store) -> None:
    for number in (10, 20, 30):
        await store.append_durable(promised(number))
    store.append(PromiseUpdated(PromiseId(10), "kept", 1, NOW + 60, ""))
    store.append(PromiseUpdated(PromiseId(20), "open", 2, NOW + 60, "customer did not answer"))
    await store.flush()
    assert (await store.load_start_state(NOW)).promises == (
        OpenPromise(
            PromiseId(20), InteractionId(21), QueueId("everyday"), ANNA, "+3725550001", CustomerId("77"), "et",
            NOW, NOW + 3600, 2,
        ),
        OpenPromise(
            PromiseId(30), InteractionId(31), QueueId("everyday"), ANNA, "+3725550001", CustomerId("77"), "et",
            NOW, NOW + 3600, 0,
        ),
    )  # fmt: skip
    kept = next(row for row in await rows(store, promise) if row["id"] == 10)
    assert (kept["state"], kept["attempts"], kept["changed_at"]) == ("kept", 1, NOW + 60)


async def test_an_interaction_from_opening_to_closing(store: Store) -> None:
    number = InteractionId(1_887_436_800_000_000)  # as large as they are
    store.append(InteractionOpened(number, "+3725550001", "8000", TrunkId("pstn"), "et", NOW, "verified A"))
    entered = {"customer_number": "123456", "õ": "“ü”"}
    path = ("main:9", "main:2", "customer_number")
    store.append(
        InteractionQueued(number, QueueId("everyday"), CustomerId("77"), NOW + 5, "unclear", entered, path, ANNA)
    )
    store.append(InteractionQueued(number, QueueId("overflow"), None, NOW + 95, "waited too long", {}, (), None))
    store.append(InteractionClosed(number, "answered", MART, NOW + 200, 93.5, "colleague"))
    await store.flush()
    assert await rows(store, interaction) == [
        {
            "id": number, "caller": "+3725550001", "dialled": "8000", "trunk": "pstn", "language": "et",
            "began_at": NOW, "outcome": "answered", "agent": "mart", "ended_at": NOW + 200, "waited_seconds": 93.5,
            "sticky": "colleague", "identity": "verified A",
        }
    ]  # fmt: skip
    first, second = sorted(await rows(store, queue_entry), key=lambda row: row["at"])
    assert (first["entered"], tuple(first["path"]), first["previous_agent"]) == (entered, path, "anna")
    assert (second["queue"], second["entered"], second["path"], second["customer"]) == ("overflow", {}, [], None)


async def test_a_closing_without_its_opening_is_kept(store: Store) -> None:
    await store.append_durable(InteractionClosed(InteractionId(7), "abandoned", None, NOW, 12.0, ""))
    (row,) = await rows(store, interaction)
    assert (row["outcome"], row["caller"], row["began_at"]) == ("abandoned", None, None)


async def test_a_call_back_continues_its_interaction(store: Store) -> None:
    number = InteractionId(9)
    store.append(InteractionOpened(number, "+3725550001", "8000", TrunkId("pstn"), "et", NOW))
    store.append(InteractionOpened(number, "+3725550001", "", None, "et", NOW + 900))
    store.append(InteractionClosed(number, "called_back", ANNA, NOW + 1000, 900.0, "call_back"))
    await store.flush()
    (row,) = await rows(store, interaction)
    assert (row["began_at"], row["dialled"], row["outcome"]) == (NOW, "8000", "called_back")


# ------------------------------------------------------------------ any values

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
_number = st.integers(min_value=1, max_value=(1 << 63) - 1)
_time = st.floats(min_value=0, max_value=1e11)
_detail = st.builds(
    CallDetail,
    leg=_number.map(LegId),
    interaction=st.none() | _number.map(InteractionId),
    direction=st.sampled_from(["in", "out"]),
    party=_text,
    caller=_text,
    dialled=_text,
    began_at=_time,
    answered_at=st.none() | _time,
    ended_at=_time,
    ended_by=_text,
    status=st.integers(100, 699),
    cause=st.none() | st.integers(0, 127),
    packets_in=st.integers(0, 1 << 40),
    packets_out=st.integers(0, 1 << 40),
    codec=st.sampled_from(["", "PCMA", "OPUS"]),
    silent_seconds=st.floats(0, 1e6),
    round_trip_ms=st.floats(0, 1e6),
    peer_loss_percent=st.floats(0, 100),
    answered_by=st.sampled_from(["", "human", "machine", "fax", "unknown"]),
)
_ring = st.builds(
    RingRecord,
    attempt=_number.map(RingAttemptId),
    interaction=_number.map(InteractionId),
    queue=_text.map(QueueId),
    agent=_text.map(AgentId),
    began_at=_time,
    ended_at=_time,
    end=_text,
    sticky=st.booleans(),
)
_talk = st.builds(
    TalkRecord,
    attempt=_number.map(RingAttemptId),
    interaction=_number.map(InteractionId),
    queue=_text.map(QueueId),
    agent=_text.map(AgentId),
    caller=_text,
    customer=st.none() | _text.map(CustomerId),
    began_at=_time,
    seconds=_time,
)
_contact = st.builds(
    StoredContact,
    agent=st.just(ANNA),
    uri=_text,
    transport=_text,
    local=st.tuples(_text, st.integers(0, 65535)),
    remote=st.tuples(_text, st.integers(0, 65535)),
    call_id=_text,
    cseq=st.integers(0, (1 << 31) - 1),
    expires_at=st.floats(NOW + 1, 1e11),
    q=st.floats(0, 1),
    user_agent=_text,
    path=st.lists(st.sampled_from(["sip:a;lr", "sip:b@192.0.2.3:5070;lr;ob"]), max_size=3).map(tuple),
    instance=_text,
    reg_id=st.integers(0, 999_999_999),
)
_KEYS = {CallDetail: ("leg", call_detail), RingRecord: ("attempt", ring_attempt), TalkRecord: ("attempt", talk)}
_NAMES = {"end": "result"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(_detail | _ring | _talk, max_size=12), contacts=st.lists(_contact, max_size=4))
async def test_any_record_comes_back_equal(store: Store, records: list[Record], contacts: list[StoredContact]) -> None:
    written: dict[tuple[type, int], Record] = {}
    before = {kind: {row[key] for row in await rows(store, table)} for kind, (key, table) in _KEYS.items()}
    for record in records:
        key = getattr(record, _KEYS[type(record)][0])
        if key not in before[type(record)]:  # the first with a key stays
            written.setdefault((type(record), key), record)
        store.append(record)
    await store.save_contacts(ANNA, tuple(contacts))
    assert (await store.load_start_state(NOW)).contacts == tuple(contacts)
    assert store.health().refused == 0
    stored = {(kind, row[key]): row for kind, (key, table) in _KEYS.items() for row in await rows(store, table)}
    for place, record in written.items():
        shown = {_NAMES.get(name, name): getattr(record, name) for name in type(record).__dataclass_fields__}
        assert stored[place] == shown


async def test_the_ledger_of_promises(store: Store) -> None:
    for number in (1, 2, 3):
        await store.append_durable(promised(number))
    store.append(PromiseUpdated(PromiseId(2), "kept", 1, NOW + 60.0, "colleague"))
    await store.flush()
    store.append(PromiseAnswered(promised(2).interaction, "machine"))
    await store.flush()
    assert [(one.promise, one.state) for one in await store.promises(None, 2)] == [(3, "open"), (2, "kept")]
    assert [one.answered_by for one in await store.promises(None, 9)] == ["", "machine", ""]
    (kept,) = await store.promises("kept", 9)
    assert (kept.agent, kept.due_at, kept.changed_at, kept.because) == (ANNA, NOW + 3600, NOW + 60.0, "colleague")


async def test_who_answered_is_told_of_the_newest_promise_of_a_call(store: Store) -> None:
    """He was promised one, and another later."""
    for number in (1, 2):
        await store.append_durable(promised(number, interaction=InteractionId(7)))
    store.append(PromiseAnswered(InteractionId(7), "machine"))
    store.append(PromiseAnswered(InteractionId(7), "human"))
    store.append(PromiseAnswered(InteractionId(99), "fax"))  # nobody promised anything
    await store.flush()
    assert [(one.promise, one.answered_by) for one in await store.promises(None, 9)] == [(2, "human"), (1, "")]
    assert store.health().refused == 0
