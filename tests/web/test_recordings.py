"""Recordings over HTTP: the list, the audio with ranges, and orders to a call that goes on."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from softswitch.call.records import FindRecordings, RecordingMade, StoredRecording
from softswitch.ids import InteractionId
from softswitch.media.messages import SetUpRecording
from softswitch.media.recording.crypt import Header, KeyRing
from softswitch.media.worker.recordings.finish import SealedFile
from softswitch.runtime.recording_shelf import Audio, Shelf, ShelfError
from softswitch.web.app import make_app
from softswitch.web.server import start_http
from softswitch.web.views import PastError

from .conftest import Floor

KEY = "0a" * 32
SOUND = os.urandom(200_000)
MADE = RecordingMade(
    7, InteractionId(2**60), "+3725550001", "1210", ("anna",), "cards", 1e9, 12.5, 3, 0.0, (), "a/7.flac.sealed",
    200_000, "ab", "k", "flac",
)  # fmt: skip


class Desk:
    """Gives what a shelf on disk holds."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.problems: dict[tuple[int, str], str] = {}
        self.finished = 4
        self.asked: list[Any] = []
        self.found: tuple[StoredRecording, ...] = (StoredRecording(MADE, None, ""),)
        self.refusal: str | None = None

    def order(self, interaction: InteractionId, do: str, by: str, reason: str) -> str | None:
        self.asked.append((interaction, do, by, reason))
        return self.refusal

    async def find(self, wanted: FindRecordings) -> tuple[StoredRecording, ...]:
        self.asked.append(wanted)
        return self.found

    async def files(self, one: StoredRecording) -> tuple[StoredRecording, ...]:
        return self.found

    async def audio(self, files: tuple[StoredRecording, ...], by: str) -> Audio:
        self.asked.append((by, *(each.made.recording for each in files)))
        try:
            return self.shelf.audio(files[0].made.path)
        except ShelfError as error:
            raise PastError(f"The recording cannot be opened: {error}.") from None


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "a").mkdir()
    ring = KeyRing({"k": bytes.fromhex(KEY)}, "k")
    with open(tmp_path / MADE.path, "wb") as raw:
        file = SealedFile(raw, Header.new("7", ring, os.urandom))
        file.write(SOUND)
        file.finish()
    return Desk(Shelf(SetUpRecording(str(tmp_path), (f"k:{KEY}",), "k", 0, "flac")))


@pytest.fixture
async def asked(floor: Floor, desk: Desk) -> AsyncIterator[Any]:
    server = await start_http(make_app(floor, floor, recordings=desk), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def ask(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
            data = json.dumps(body) if isinstance(body, dict) else body
            async with session.request(method, path, data=data, headers=headers) as answer:
                content = await answer.read()
                return answer.status, json.loads(content) if content[:1] == b"{" else content, answer.headers

        yield ask
    await server.close()


async def test_the_list_and_one_of_them(asked: Any, desk: Desk) -> None:
    status, said, _ = await asked("GET", "/api/v1/recordings?limit=5&interaction=9&agent=anna")
    assert status == 200 and desk.asked == [FindRecordings(5, None, 9, "anna")]
    (row,) = said["recordings"]
    assert (row["recording"], row["interaction"], row["agents"]) == ("7", str(2**60), ["anna"])
    status, said, _ = await asked("GET", "/api/v1/recordings/7")
    assert status == 200 and said["sha256"] == "ab"
    for path in (
        f"/api/v1/recordings?interaction={2**63}",
        "/api/v1/recordings?limit=0",
        "/api/v1/recordings?limit=x",
        "/api/v1/recordings?interaction=x",
    ):
        assert (await asked("GET", path))[0] == 400
    assert (await asked("GET", f"/api/v1/recordings/{2**63}"))[0] == 404
    desk.found = ()
    assert (await asked("GET", "/api/v1/recordings/8"))[0] == 404
    assert (await asked("GET", "/api/v1/recordings/eight"))[0] == 404


@pytest.mark.parametrize(
    ("wanted", "begin", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=65530-65545", 65_530, 65_546),  # over the edge of a chunk
        ("bytes=199990-", 199_990, 200_000),
        ("bytes=-5", 199_995, 200_000),
        ("bytes=199990-900000", 199_990, 200_000),
    ],
)
async def test_a_part_of_the_audio(asked: Any, wanted: str, begin: int, end: int) -> None:
    status, said, headers = await asked("GET", "/api/v1/recordings/7/audio?by=kadri", Range=wanted)
    assert status == 206 and said == SOUND[begin:end]
    assert headers["Content-Range"] == f"bytes {begin}-{end - 1}/200000"


async def test_the_whole_audio_and_who_asked(asked: Any, desk: Desk) -> None:
    status, said, headers = await asked("GET", "/api/v1/recordings/7/audio?by=kadri")
    assert status == 200 and said == SOUND and desk.asked[-1] == ("kadri", 7)
    assert (headers["Content-Type"], headers["Accept-Ranges"]) == ("audio/flac", "bytes")
    assert (await asked("GET", "/api/v1/recordings/7/audio"))[0] == 400
    status, _, headers = await asked("GET", "/api/v1/recordings/7/audio?by=k", Range="bytes=200000-")
    assert status == 416 and headers["Content-Range"] == "bytes */200000"
    assert (await asked("GET", "/api/v1/recordings/7/audio?by=k", Range="ells=3"))[0] == 200
    assert (await asked("GET", "/api/v1/recordings/7/audio?by=k", Range="bytes=-0"))[0] == 416


async def test_what_cannot_be_heard_any_more(asked: Any, desk: Desk) -> None:
    (desk.shelf.directory / MADE.path).unlink()
    status, said, _ = await asked("GET", "/api/v1/recordings/7/audio?by=k")
    assert status == 503 and "No such file" in said["error"]
    desk.found = (StoredRecording(MADE, 1e9, "kept for 90 days"),)
    status, said, _ = await asked("GET", "/api/v1/recordings/7/audio?by=k")
    assert status == 410 and said["error"] == "This recording was deleted: kept for 90 days."


async def test_several_files_of_one_recording(asked: Any, desk: Desk) -> None:
    first, second = (StoredRecording(replace(MADE, recording=number), None, "") for number in (7, 8))
    desk.found = first, second
    status, said, _ = await asked("GET", "/api/v1/recordings/7")
    assert status == 200 and [each["recording"] for each in said["files"]] == ["7", "8"]
    await asked("GET", "/api/v1/recordings/7/audio?by=kadri")
    assert desk.asked[-1] == ("kadri", 7, 8)
    desk.found = replace(first, deleted_at=1e9, deleted_because="kept for 90 days"), second
    assert (await asked("GET", "/api/v1/recordings/7/audio?by=kadri"))[0] == 200
    assert desk.asked[-1] == ("kadri", 8)


async def test_no_name_leads_out_of_the_directory(desk: Desk) -> None:
    for name in ("../secret", "/etc/passwd", "a//7", "a/../7", "", "a/\0"):
        with pytest.raises(ShelfError):
            desk.shelf.audio(name)


async def test_orders_to_a_call(asked: Any, desk: Desk, floor: Floor) -> None:
    call = floor.calls()[0]
    words = {"do": "pause", "by": "anna", "reason": "card data"}
    status, said, _ = await asked("POST", f"/api/v1/calls/{call.call}/recording", words)
    assert status == 200 and said["do"] == "pause"
    assert desk.asked == [(call.interaction, "pause", "anna", "card data")]
    for wrong in (
        {},
        {**words, "do": "erase"},
        {**words, "by": ""},
        {"do": "pause", "by": "a"},
        {**words, "x": 1},
        "{",
    ):
        assert (await asked("POST", f"/api/v1/calls/{call.call}/recording", wrong))[0] == 400
    assert (await asked("POST", "/api/v1/calls/999/recording", words))[0] == 404
    desk.refusal = "This call is not recorded."
    status, said, _ = await asked("POST", f"/api/v1/calls/{call.call}/recording", words)
    assert status == 409 and said["error"] == "This call is not recorded."


async def test_figures(asked: Any, desk: Desk) -> None:
    desk.problems[(0, "disk")] = "No space left on device"
    _, said, _ = await asked("GET", "/metrics")
    text = said.decode()
    assert "softswitch_recordings_finished_total 4.0" in text
    assert 'softswitch_recording_problems{what="disk"} 1.0' in text
