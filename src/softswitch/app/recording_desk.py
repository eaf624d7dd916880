"""What becomes of recordings in a running switch: rows in the database, alarms, deletion when their time is over, and
what the HTTP API asks for."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from softswitch.call import records
from softswitch.call.recording import RecordingOrder, leg_of
from softswitch.ids import InteractionId
from softswitch.media.messages import RecordingEnded, RecordingProblem
from softswitch.media.recording import manifest
from softswitch.media.recording.manifest import START, Fault
from softswitch.runtime.recording_catalogue import MOST_FILES, Known, Reading, before, family
from softswitch.runtime.recording_shelf import Audio, Shelf, ShelfError
from softswitch.store.errors import StoreError
from softswitch.web.recordings import AudioFile
from softswitch.web.views import PastError

if TYPE_CHECKING:
    from softswitch.app.switch import Switch
    from softswitch.runtime.recording_joined import Joined

log = structlog.get_logger("softswitch.recordings")

RETENTION_SECONDS: Final = 3600.0
AT_ONCE: Final = 200
MOST_PROBLEMS: Final = 1000
MOST_LINES: Final = 20_000  # of the manifest that come into the database, at a start
ROWS_AT_ONCE: Final = 200
_GAP: Final = "gap"


def made(line: Mapping[str, Any]) -> records.RecordingMade:
    """A line of the manifest as the database keeps it."""
    marks = list(line["marks"])
    agents = dict.fromkeys(str(mark["detail"]) for mark in marks if mark["mark"] == "agent")
    queues = [str(mark["detail"]) for mark in marks if mark["mark"] == "queue"]
    gaps = sum(mark.get("until", mark["at"]) - mark["at"] for mark in marks if mark["mark"] == _GAP)
    return records.RecordingMade(
        recording=int(line["recording"]),
        interaction=InteractionId(int(line["interaction"])),
        caller=str(line["caller"]),
        dialled=str(line["dialled"]),
        agents=tuple(agents),
        queue=queues[-1] if queues else "",
        began_at=float(line["began_at"]),
        seconds=float(line["seconds"]),
        lost_packets=sum(int(side["lost"]) for side in line["sides"].values()),
        gap_seconds=round(gaps, 3),
        marks=tuple(marks),
        path=str(line["path"]),
        bytes=int(line["size"]),
        sha256=str(line["sha256"]),
        key=str(line["key"]),
        format=str(line["format"]),
    )


def _row(line: Mapping[str, Any]) -> Any:
    """What the database keeps of any line of the manifest; None: nothing."""
    try:
        if line["what"] == manifest.RECORDED:
            return made(line)
        if line["what"] == manifest.DELETED:
            return records.RecordingDeleted(int(line["recording"]), line["at"], str(line["because"]))
        if line["what"] in (manifest.HEARD, manifest.EXPORTED):
            return records.RecordingHeard(int(line["recording"]), line["at"], str(line["by"]), line["what"])
    except (KeyError, ValueError, TypeError):  # not of our making; the chain shows it
        log.error("recording_manifest_line_unknown", line=line.get("n"))
    return None


def _known(stored: records.StoredRecording) -> Known:
    number, before_it = str(stored.made.recording), before(stored.made.marks)
    at, seconds = stored.made.began_at, stored.made.seconds
    return Known(number, stored.made.path, at, seconds, before_it, {}, stored.deleted_because)


class RecordingDesk:
    """Implements `web.recordings.RecordingView`."""

    def __init__(self, switch: Switch) -> None:
        setup = switch.settings.media.recording
        self._switch = switch
        self._shelf = None if setup is None else Shelf(setup)
        self._task: asyncio.Task[None] | None = None
        self.problems: dict[tuple[int, str], str] = {}
        self.finished = 0
        self._read = START  # up to here the manifest was read, and is in the database
        self._broken: Fault | None = None

    # -------------------------------------------------------------- what the media process says

    def ended(self, event: RecordingEnded) -> None:
        self.finished += 1
        self._switch.edges.store.append(made(json.loads(event.line)))

    def problem(self, event: RecordingProblem) -> None:
        key = (event.recording, event.what)
        if not event.detail:
            if self.problems.pop(key, None) is not None:
                log.info("recording_works_again", what=event.what, recording=event.recording)
            return
        log.error("recording_problem", what=event.what, recording=event.recording, because=event.detail)
        if len(self.problems) < MOST_PROBLEMS or key in self.problems:
            self.problems[key] = event.detail

    @property
    def trouble(self) -> str:
        """For the health of the switch; empty when all is well."""
        what = next(iter(self.problems.values()), "")
        return f"Recordings: {what}." if what else ""

    # -------------------------------------------------------------- start, retention, stop

    def start(self) -> Callable[[], Any]:
        """What ends it again."""
        if self._shelf is not None:
            if not self._shelf.ring.use:
                log.warning("recordings_not_sealed", because="the section recording has no keys")
            self._task = asyncio.get_running_loop().create_task(self._keep_house(), name="recordings")
        return self.close

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_house(self) -> None:
        while True:
            try:
                await self._reconcile()
                await self._delete_old()
            except (StoreError, OSError, ShelfError) as error:
                log.error("recordings_not_tidied", because=str(error))
            await asyncio.sleep(RETENTION_SECONDS)

    async def _reconcile(self) -> None:
        """What was finished while nobody listened, and what was done by command, comes into the database too. The first
        time the whole manifest is read, a little at a time; after that what is new."""
        assert self._shelf is not None
        catalogue = self._shelf.catalogue
        behind = 0 if self._read.end else await asyncio.to_thread(catalogue.place_of_last, MOST_LINES)
        reading = catalogue.reading(self._read, gently=True)
        rows = self._rows(reading, behind)
        append = self._switch.edges.store.append
        while batch := await asyncio.to_thread(lambda: list(itertools.islice(rows, ROWS_AT_ONCE))):
            for row in batch:
                append(row)
            await asyncio.sleep(0)
        self._read, chain = reading.chain.place, reading.chain
        if not reading.resumed:
            self._broken = None
        self._broken = self._broken or next(iter(chain.faults), None)
        if self._broken is not None:
            faults = len(chain.faults) + chain.more
            log.error("recording_manifest_broken", line=self._broken.place, because=self._broken.what, faults=faults)

    def _rows(self, reading: Reading, behind: int) -> Iterator[Any]:
        for line in reading:
            if reading.chain.place.end > behind:
                row = _row(line)
                if row is not None:
                    yield row

    async def _delete_old(self) -> None:
        plan = self._switch.settings.call.recording
        assert plan is not None
        own = tuple(map(str, plan.keep_by_queue))
        kinds = [(keep, records.FindRecordings(queue=str(queue))) for queue, keep in plan.keep_by_queue.items()]
        # each by itself: what is kept long does not stand before what is kept for a short time
        for keep, wanted in (*kinds, (plan.keep_seconds, records.FindRecordings(other_queues=own))):
            while await self._delete_some(keep, wanted):
                pass

    async def _delete_some(self, keep: float, wanted: records.FindRecordings) -> bool:
        """True: there may be more."""
        assert self._shelf is not None
        clock, store, because = self._switch.clock, self._switch.edges.store, f"kept for {keep / 86400:g} days"
        now, gone = clock.wall(clock.now()), 0
        await store.flush()
        found = await store.recordings(replace(wanted, limit=AT_ONCE, kept_since_before=now - keep))
        for each in found:
            if each.made.began_at + each.made.seconds + keep >= now:
                continue
            number, path = str(each.made.recording), each.made.path
            try:
                await asyncio.to_thread(self._shelf.delete, now, number, path, because)
            except (OSError, ShelfError) as error:  # the others are not kept for its sake
                log.error("recording_not_deleted", recording=number, because=str(error))
                continue
            gone += 1
            store.append(records.RecordingDeleted(each.made.recording, now, because))
            log.info("recording_deleted", recording=number, because=because)
        return gone > 0 and len(found) == AT_ONCE

    # -------------------------------------------------------------- the API

    def order(self, interaction: InteractionId, do: str, by: str, reason: str) -> str | None:
        order = RecordingOrder(interaction, do, by, reason)
        calls = self._switch.cores.calls
        leg = leg_of(calls, interaction)
        if leg is None:
            return "Nobody can be recorded in this call now."
        refusal = calls.board.recordings.refusal(leg.id, order)
        if refusal is None:
            self._switch.post(order)
        return refusal

    async def find(self, wanted: records.FindRecordings) -> tuple[records.StoredRecording, ...]:
        try:
            return await self._switch.edges.store.recordings(wanted)
        except StoreError as error:
            raise PastError(str(error)) from None

    async def files(self, one: records.StoredRecording) -> tuple[records.StoredRecording, ...]:
        """All that are one recording with this one, in order: more than one after a process died."""
        found = await self.find(records.FindRecordings(limit=MOST_FILES, interaction=one.made.interaction))
        rows = {str(each.made.recording): each for each in (*found, one)}
        return tuple(rows[each.recording] for each in family([*map(_known, rows.values())], str(one.made.recording)))

    async def audio(self, files: tuple[records.StoredRecording, ...], by: str) -> AudioFile:
        """To be closed. Who opens it is noted before the first byte leaves."""
        if self._shelf is None:
            raise PastError("This line does not record; its configuration has no section recording.")
        clock, numbers = self._switch.clock, [each.made.recording for each in files]
        now = clock.wall(clock.now())
        try:
            audio = await asyncio.to_thread(_opened, self._shelf, [*map(_known, files)])
            try:
                for number in numbers:
                    await asyncio.to_thread(self._shelf.note, now, manifest.HEARD, str(number), by=by)
            except BaseException:
                audio.close()
                raise
        except (ShelfError, OSError) as error:
            raise PastError(f"The recording cannot be opened: {error}.") from None
        for number in numbers:
            self._switch.edges.store.append(records.RecordingHeard(number, round(now, 3), by, manifest.HEARD))
        return audio


def _opened(shelf: Shelf, files: list[Known]) -> Audio | Joined:
    """One file as it is kept, several as one. Raises ShelfError."""
    found = [twin for each in files for twin in shelf.twins(each)]
    return shelf.audio(found[0].path) if len(found) == 1 else shelf.joined(found)
