"""What becomes of recordings in a switch: rows from the manifest, deletion with evidence, alarms."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from softswitch.app.recording_desk import RecordingDesk, made
from softswitch.app.switch import Switch
from softswitch.call.recording_settings import RecordingPlan
from softswitch.call.records import FindRecordings
from softswitch.ids import QueueId
from softswitch.media.messages import RecordingEnded, RecordingProblem, SetUpRecording
from softswitch.media.recording import manifest
from softswitch.runtime.recording_shelf import Shelf
from softswitch.store import Store

NOW = 1_800_000_000.0
DAY = 86400.0
SIDES = {"caller": {"packets": 50, "lost": 2, "silent": []}, "ours": {"packets": 50, "lost": 1, "silent": []}}
MARKS = [
    {"at": 0.0, "mark": "queue", "detail": "cards", "by": ""},
    {"at": 0.0, "mark": "agent", "detail": "anna", "by": ""},
    {"at": 3.0, "until": 4.5, "mark": "gap", "detail": "disk full", "by": ""},
    {"at": 6.0, "mark": "queue", "detail": "loans", "by": ""},
    {"at": 6.0, "mark": "agent", "detail": "mart", "by": ""},
]


def facts(number: int, began_at: float, queue: str = "loans") -> dict[str, Any]:
    marks = [*MARKS[:3], {**MARKS[3], "detail": queue}, MARKS[4]]
    return {
        "interaction": "42", "caller": "+372555", "dialled": "1210", "began_at": began_at, "seconds": 10.0,
        "marks": marks, "sides": SIDES, "path": f"{number}.flac", "size": 5, "sha256": "ab", "format": "flac",
    }  # fmt: skip


class House:
    """As much of a switch as the desk needs, with a real store and a real shelf."""

    def __init__(self, store: Store, shelf: Shelf, setup: SetUpRecording) -> None:
        plan = RecordingPlan({}, 90 * DAY, {QueueId("loans"): 10 * DAY})
        call, media = SimpleNamespace(recording=plan), SimpleNamespace(recording=setup)
        self.settings = SimpleNamespace(call=call, media=media)
        self.edges = SimpleNamespace(store=store)
        self.clock = SimpleNamespace(now=lambda: 0.0, wall=lambda now: NOW)
        self.desk = RecordingDesk(cast(Switch, self))
        self.shelf = shelf
        self.store = store

    def record(self, number: int, began_at: float, queue: str = "loans") -> None:
        (self.shelf.directory / f"{number}.flac").write_bytes(b"sound")
        self.shelf.note(began_at, manifest.RECORDED, str(number), **facts(number, began_at, queue))


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/line.db", wall_clock=lambda: NOW)
    await store.open()
    (tmp_path / "rec").mkdir()
    setup = SetUpRecording(str(tmp_path / "rec"), ("k:" + "11" * 32,), "k", 0, "flac")
    yield House(store, Shelf(setup), setup)
    await store.close()


async def test_what_was_finished_while_nobody_listened_comes_into_the_database(house: House) -> None:
    house.record(7, NOW - DAY)
    house.shelf.note(NOW, manifest.HEARD, "7", by="kadri")
    await house.desk._reconcile()
    await house.desk._reconcile()  # twice is once
    await house.store.flush()
    (found,) = await house.store.recordings(FindRecordings())
    assert (found.made.agents, found.made.queue) == (("anna", "mart"), "loans")
    assert (found.made.lost_packets, found.made.gap_seconds, found.made.key) == (3, 1.5, "k")


async def test_what_is_too_old_is_deleted_with_evidence_and_the_rest_stays(house: House) -> None:
    house.record(1, NOW - 11 * DAY)  # of loans: ten days
    house.record(2, NOW - 11 * DAY, "cards")  # ninety
    house.record(3, NOW - 91 * DAY, "cards")
    await house.desk._reconcile()
    await house.desk._delete_old()
    await house.store.flush()
    rows = {each.made.recording: each for each in await house.store.recordings(FindRecordings())}
    assert rows[1].deleted_because == "kept for 10 days" and rows[3].deleted_because == "kept for 90 days"
    assert rows[2].deleted_at is None
    assert sorted(path.name for path in house.shelf.directory.glob("*.flac")) == ["2.flac"]
    lines, faults = house.shelf.lines()
    assert not faults and list(house.shelf.kept(lines)) == ["2.flac"]
    assert sorted(line["recording"] for line in lines if line["what"] == manifest.DELETED) == ["1", "3"]


async def test_all_that_is_too_old_goes_at_once_whatever_is_kept_longer_or_cannot_be_deleted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("softswitch.app.recording_desk.AT_ONCE", 3)
    for number in range(1, 6):
        house.record(number, NOW - 80 * DAY - number, "cards")  # ninety days
    for number in range(6, 14):
        house.record(number, NOW - 20 * DAY - number)  # of loans: ten days
    stubborn = house.shelf.directory / "10.flac"
    stubborn.unlink()
    stubborn.mkdir()
    await house.desk._reconcile()
    await house.desk._delete_old()
    await house.store.flush()
    rows = await house.store.recordings(FindRecordings())
    kept = sorted(each.made.recording for each in rows if each.deleted_at is None)
    assert kept == [1, 2, 3, 4, 5, 10]


async def test_all_files_of_a_recording_go_together(house: House) -> None:
    house.record(1, NOW - 11 * DAY)
    (house.shelf.directory / "1795318952-1.flac").write_bytes(b"sound")
    more = {**facts(1, NOW - 11 * DAY), "path": "1795318952-1.flac"}
    house.shelf.note(NOW - 11 * DAY, manifest.RECORDED, "1", **more)
    house.record(11, NOW - DAY)
    await house.desk._reconcile()
    await house.desk._delete_old()
    assert [each.name for each in house.shelf.directory.glob("*.flac")] == ["11.flac"]
    assert list(house.shelf.kept(house.shelf.lines()[0])) == ["11.flac"]


async def test_an_event_of_the_media_process_is_a_row(house: House) -> None:
    house.record(7, NOW)
    line = house.shelf.lines()[0][0]
    house.desk.ended(RecordingEnded(7, json.dumps(line)))
    await house.store.flush()
    (found,) = await house.store.recordings(FindRecordings(number=7))
    assert found.made == made(line) and house.desk.finished == 1


async def test_troubles_are_shown_until_they_are_over(house: House) -> None:
    house.desk.problem(RecordingProblem(0, "disk", "No space left on device"))
    house.desk.problem(RecordingProblem(7, "file", "it broke"))
    assert house.desk.trouble == "Recordings: No space left on device."
    house.desk.problem(RecordingProblem(0, "disk", ""))
    assert house.desk.trouble == "Recordings: it broke."
    house.desk.problem(RecordingProblem(7, "file", ""))
    assert house.desk.trouble == ""
