"""Recordings: which there are, their audio, and orders to the recording of a call that goes on.

GET    /api/v1/recordings?limit=&interaction=&agent=    {"recordings": [...]}, the newest first
GET    /api/v1/recordings/{recording}                   one of them, and all "files" that are one recording with it
GET    /api/v1/recordings/{recording}/audio?by=kadri    the audio, opened, several files as one; Range is obeyed; who
                                                        asks is noted
POST   /api/v1/calls/{call}/recording                   {"do": "pause", "by": "anna", "reason": "card data"}
       do: start | stop | pause | resume | mask | unmask
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Protocol

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from softswitch.call.recording import ORDERS
from softswitch.call.records import FindRecordings, StoredRecording
from softswitch.ids import InteractionId
from softswitch.web.views import PastError, SwitchView

MOST = 1000
MAX_WORD = 200


class AudioFile(Protocol):
    size: int
    content_type: str

    def piece(self, begin: int, end: int) -> bytes: ...
    def close(self) -> None: ...


class RecordingView(Protocol):
    """The port to the running switch; the composition root implements it."""

    problems: dict[tuple[int, str], str]
    finished: int

    def order(self, interaction: InteractionId, do: str, by: str, reason: str) -> str | None:
        """Obey, or say in one sentence why not."""

    async def find(self, wanted: FindRecordings) -> tuple[StoredRecording, ...]:
        """Raises PastError."""

    async def files(self, one: StoredRecording) -> tuple[StoredRecording, ...]:
        """All files of the recording that this one is of, in order. Raises PastError."""

    async def audio(self, files: tuple[StoredRecording, ...], by: str) -> AudioFile:
        """All of them as one. Raises PastError."""


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


def shown(each: StoredRecording) -> dict[str, Any]:
    row = asdict(each.made)
    row["recording"], row["interaction"] = str(row["recording"]), str(row["interaction"])
    return {**row, "deleted_at": each.deleted_at, "deleted_because": each.deleted_because}


def _number(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
    return number if number is not None and number < 2**63 else None  # what the database has room for


def _one_line(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= MAX_WORD and text.isprintable()


class Recordings:
    """The routes."""

    def __init__(self, view: SwitchView, desk: RecordingView) -> None:
        self._view = view
        self._desk = desk

    async def listing(self, request: web.Request) -> web.Response:
        limit = _number(request.query.get("limit", "100"))
        interaction = request.query.get("interaction")
        if limit is None or not 1 <= limit <= MOST:
            return _error(400, f"limit is a number from 1 to {MOST}.")
        if interaction is not None and _number(interaction) is None:
            return _error(400, "An interaction is a number, as /api/v1/calls shows it.")
        wanted = FindRecordings(
            limit=limit,
            interaction=None if interaction is None else _number(interaction),
            agent=request.query.get("agent") or None,
        )
        try:
            found = await self._desk.find(wanted)
        except PastError as error:
            return _error(503, str(error))
        return web.json_response({"recordings": [shown(each) for each in found]})

    async def one(self, request: web.Request) -> web.StreamResponse:
        try:
            found = await self._find(request)
            if isinstance(found, web.Response):
                return found
            files = await self._desk.files(found)
        except PastError as error:
            return _error(503, str(error))
        return web.json_response({**shown(found), "files": [shown(each) for each in files]})

    async def audio(self, request: web.Request) -> web.StreamResponse:
        by = request.query.get("by")
        if not _one_line(by):
            return _error(400, "Say who listens: ?by=NAME.")
        assert by is not None
        try:
            found = await self._find(request)
            if isinstance(found, web.Response):
                return found
            kept = tuple(each for each in await self._desk.files(found) if each.deleted_at is None)
            if not kept:
                return _error(410, f"This recording was deleted: {found.deleted_because}.")
            audio = await self._desk.audio(kept, by)
        except PastError as error:
            return _error(503, str(error))
        try:
            return await self._send(request, audio)
        finally:
            audio.close()

    async def _find(self, request: web.Request) -> StoredRecording | web.Response:
        number = _number(request.match_info["recording"])
        found = () if number is None else await self._desk.find(FindRecordings(limit=1, number=number))
        return found[0] if found else _error(404, "There is no such recording.")

    async def _send(self, request: web.Request, audio: AudioFile) -> web.StreamResponse:
        begin, end, status = 0, audio.size, 200
        if "Range" in request.headers:
            try:
                wanted = request.http_range
            except ValueError:
                wanted = slice(0, None)  # RFC 9110 14.2: a Range header field that cannot be read is ignored
            else:
                status = 206
            begin = wanted.start or 0
            if begin < 0:
                begin = max(audio.size + begin, 0)
            elif status == 206 and request.headers["Range"].strip() == "bytes=-0":
                begin = audio.size  # RFC 9110 14.1.2: a suffix of nothing is in no file
            end = audio.size if wanted.stop is None else min(wanted.stop, audio.size)
            # RFC 9110 15.5.17: no range of it lies in the representation
            if status == 206 and begin >= end:
                answer = _error(416, "This range is not in the file.")
                answer.headers["Content-Range"] = f"bytes */{audio.size}"
                return answer
        response = web.StreamResponse(
            status=status,
            headers={
                "Content-Type": audio.content_type,
                "Content-Length": str(end - begin),
                "Accept-Ranges": "bytes",
                "Cache-Control": "no-store",
            },
        )
        if status == 206:
            response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{audio.size}"
        await response.prepare(request)
        while begin < end:
            piece = await asyncio.to_thread(audio.piece, begin, end)
            if not piece:
                break
            await response.write(piece)
            begin += len(piece)
        await response.write_eof()
        return response

    async def order(self, request: web.Request) -> web.Response:
        name = request.match_info["call"]
        call = next((each for each in self._view.calls() if name in (str(each.call), str(each.interaction))), None)
        if call is None or call.interaction is None:
            return _error(404, f"There is no call {name[:64]!r}.")
        try:
            words = json.loads(await request.read() or b"{}")
        except (ValueError, RecursionError):
            return _error(400, "The body is not JSON.")
        if not isinstance(words, dict) or not words.keys() <= {"do", "by", "reason"} or words.get("do") not in ORDERS:
            form = '{"do": "...", "by": "...", "reason": "..."}'
            return _error(400, f"The body must be {form}; do: {', '.join(ORDERS)}.")
        if not _one_line(words.get("by")) or not _one_line(words.get("reason")):
            return _error(400, f"Say by whom and with what reason, one line of 1 to {MAX_WORD} characters each.")
        refusal = self._desk.order(call.interaction, words["do"], words["by"], words["reason"])
        if refusal is not None:
            return _error(409, refusal)
        return web.json_response({"call": name, **words})


class RecordingCollector(Collector):
    """For Prometheus."""

    def __init__(self, desk: RecordingView) -> None:
        self._desk = desk

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        done = "Recordings that became files since the start"
        yield CounterMetricFamily("softswitch_recordings_finished", done, value=float(self._desk.finished))
        kinds = dict.fromkeys(("disk", "writer", "file", "start"), 0)
        for _, what in self._desk.problems:
            kinds[what] = kinds.get(what, 0) + 1
        keeps = "What keeps recordings from being written"
        family = GaugeMetricFamily("softswitch_recording_problems", keeps, labels=["what"])
        for what, count in kinds.items():
            family.add_metric([what], float(count))
        yield family


def add_recordings(app: web.Application, view: SwitchView, desk: RecordingView) -> None:
    routes = Recordings(view, desk)
    app.router.add_get("/api/v1/recordings", routes.listing)
    app.router.add_get("/api/v1/recordings/{recording}", routes.one)
    app.router.add_get("/api/v1/recordings/{recording}/audio", routes.audio)
    app.router.add_post("/api/v1/calls/{call}/recording", routes.order)
