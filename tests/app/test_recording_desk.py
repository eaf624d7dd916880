"""What becomes of recordings in a switch: rows from the manifest, deletion with evidence, alarms."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy
import pytest
import soundfile
from tests.manifest_reading import manifest_of

from softswitch.app.recording_desk import RecordingDesk, made
from softswitch.app.switch import Switch
from softswitch.call.recording_settings import RecordingPlan
from softswitch.call.records import FindRecordings
from softswitch.ids import QueueId
from softswitch.media.messages import RecordingEnded, RecordingProblem, SetUpRecording
from softswitch.media.recording import manifest
from softswitch.runtime.recording_catalogue import Inventory
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


def kept_of(shelf: Shelf) -> list[str]:
    with Inventory() as kept:
        for line in shelf.catalogue.reading():
            kept.line(line)
        return [path for path, _, _ in kept]


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
    lines, faults = manifest_of(house.shelf)
    assert not faults and kept_of(house.shelf) == ["2.flac"]
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
    assert kept_of(house.shelf) == ["11.flac"]


async def test_the_manifest_is_read_once_and_then_what_is_new(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.app.recording_desk.MOST_LINES", 3)
    read: list[int] = []
    reading = house.desk._shelf.catalogue.reading  # type: ignore[union-attr]

    def noted(*words: Any, **more: Any) -> Any:
        found = reading(*words, **more)
        line = found.chain.line
        monkeypatch.setattr(found.chain, "line", lambda text, end: (read.append(end), line(text, end))[1])
        return found

    monkeypatch.setattr(house.desk._shelf.catalogue, "reading", noted)  # type: ignore[union-attr]
    for number in range(1, 6):
        house.record(number, NOW - DAY)
    await house.desk._reconcile()
    await house.store.flush()
    assert len(read) == 5
    assert sorted(each.made.recording for each in await house.store.recordings(FindRecordings())) == [3, 4, 5]
    house.record(6, NOW - DAY)
    await house.desk._reconcile()
    await house.store.flush()
    assert len(read) == 6 and await house.store.recordings(FindRecordings(number=6))
    path = house.shelf.directory / "manifest.jsonl"
    path.write_bytes(path.read_bytes().replace(b"+372555", b"+372556"))
    await house.desk._reconcile()  # what was read is not looked at again, until the file is another one
    assert len(read) == 6 and house.desk._broken is None
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[2:]))
    await house.desk._reconcile()
    assert len(read) == 10 and house.desk._broken is not None and house.desk._broken.place == 1


async def test_files_of_one_recording_are_heard_as_one_and_each_is_noted(house: House) -> None:
    for number, began, goes_on in ((7, NOW, 0), (9, NOW + 2, 0), (8, NOW + 4, 7)):
        more = {**facts(number, began), "path": f"{number}.wav", "seconds": 1.0}
        if goes_on:
            more["marks"] = [{"at": 0.0, "mark": "goes on from", "detail": str(goes_on), "by": ""}]
        path = house.shelf.directory / f"{number}.wav"
        soundfile.write(path, numpy.full((8000, 2), 1000 * number, numpy.int16), 8000)
        house.shelf.note(began, manifest.RECORDED, str(number), **more)
    await house.desk._reconcile()
    await house.store.flush()
    for asked in (7, 8):
        (one,) = await house.desk.find(FindRecordings(number=asked))
        files = await house.desk.files(one)
        assert [each.made.recording for each in files] == [7, 8]
        audio = await house.desk.audio(files, "kadri")
        data = audio.piece(0, audio.size)
        while len(data) < audio.size:
            data += audio.piece(len(data), audio.size)
        audio.close()
        samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
        levels = [int(abs(samples[at * rate // 2, 0])) for at in range(len(samples) * 2 // rate)]
        assert levels == [7000, 7000, *[0] * 6, 8000, 8000]
    heard = [line["recording"] for line in manifest_of(house.shelf)[0] if line["what"] == manifest.HEARD]
    assert heard == ["7", "8", "7", "8"]


async def test_an_event_of_the_media_process_is_a_row(house: House) -> None:
    house.record(7, NOW)
    line = manifest_of(house.shelf)[0][0]
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
