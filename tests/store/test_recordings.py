"""Rows of recordings: made once, deleted with a reason, found by call, agent and age."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from softswitch.call.records import FindRecordings, RecordingDeleted, RecordingHeard, RecordingMade, StoredRecording
from softswitch.ids import InteractionId
from softswitch.store import Store
from softswitch.store.tables import recording_access

MARKS = ({"at": 1.5, "mark": "held", "detail": "the agent", "by": ""},)
ONE = RecordingMade(
    7, InteractionId(42), "+3725550001", "1210", ("anna", "mart"), "cards", 1000.0, 12.5, 3, 0.5, MARKS,
    "2026/11/22/7.flac", 4711, "ab", "k1", "flac",
)  # fmt: skip
OTHER = replace(ONE, recording=8, interaction=InteractionId(43), agents=("an_na",), began_at=2000.0)


async def test_a_recording_comes_back_as_it_was_and_once(store: Store) -> None:
    for each in (ONE, OTHER, ONE):
        store.append(each)
    await store.flush()
    assert await store.recordings(FindRecordings()) == (
        StoredRecording(OTHER, None, ""),
        StoredRecording(ONE, None, ""),
    )
    assert await store.recordings(FindRecordings(number=7)) == (StoredRecording(ONE, None, ""),)
    assert [each.made.recording for each in await store.recordings(FindRecordings(interaction=43))] == [8]
    assert [each.made.recording for each in await store.recordings(FindRecordings(limit=1))] == [8]


async def test_an_agent_is_found_by_her_whole_name(store: Store) -> None:
    for each in (ONE, OTHER):
        store.append(each)
    await store.flush()
    assert [each.made.recording for each in await store.recordings(FindRecordings(agent="anna"))] == [7]
    assert [each.made.recording for each in await store.recordings(FindRecordings(agent="an_na"))] == [8]
    assert await store.recordings(FindRecordings(agent="ann")) == ()
    assert await store.recordings(FindRecordings(agent="%")) == ()


async def test_what_is_deleted_stays_as_a_row(store: Store) -> None:
    for each in (ONE, OTHER, RecordingDeleted(7, 3000.0, "kept for 90 days")):
        store.append(each)
    await store.flush()
    (found,) = await store.recordings(FindRecordings(number=7))
    assert (found.deleted_at, found.deleted_because) == (3000.0, "kept for 90 days")
    old = await store.recordings(FindRecordings(kept_since_before=2500.0))
    assert [each.made.recording for each in old] == [8]
    assert await store.recordings(FindRecordings(kept_since_before=1500.0)) == ()


async def test_who_heard_it_is_kept(store: Store) -> None:
    for each in (RecordingHeard(7, 5.0, "kadri", "heard"), RecordingHeard(7, 5.0, "kadri", "heard")):
        store.append(each)
    await store.flush()
    rows = await store._database.read(lambda connection: connection.execute(select(recording_access)).all())
    assert [tuple(row) for row in rows] == [(7, 5.0, "kadri", "heard")]
