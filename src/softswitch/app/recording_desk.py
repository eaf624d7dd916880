"""What becomes of recordings in a running switch: rows in the database, alarms, deletion when their time is over, and
what the HTTP API asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from softswitch.call import records
from softswitch.call.recording import RecordingOrder, leg_of
from softswitch.ids import InteractionId
from softswitch.media.messages import RecordingEnded, RecordingProblem
from softswitch.media.recording import manifest
from softswitch.runtime.recording_shelf import Audio, Shelf, ShelfError
from softswitch.store.errors import StoreError
from softswitch.web.views import PastError

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

log = structlog.get_logger("softswitch.recordings")

RETENTION_SECONDS: Final = 3600.0
AT_ONCE: Final = 200
MOST_PROBLEMS: Final = 1000
MOST_LINES: Final = 20_000  # of the manifest, at a start
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


class RecordingDesk:
    """Implements `web.recordings.RecordingView`."""

    def __init__(self, switch: Switch) -> None:
        setup = switch.settings.media.recording
        self._switch = switch
        self._shelf = None if setup is None else Shelf(setup)
        self._task: asyncio.Task[None] | None = None
        self.problems: dict[tuple[int, str], str] = {}
        self.finished = 0

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
        """What was finished while nobody listened, and what was done by command, comes into the database too."""
        assert self._shelf is not None
        lines, faults = await asyncio.to_thread(self._shelf.lines)
        if faults:
            log.error("recording_manifest_broken", line=faults[0].place, because=faults[0].what, faults=len(faults))
        append = self._switch.edges.store.append
        for at, line in enumerate(lines[-MOST_LINES:]):
            if line["what"] == manifest.RECORDED:
                append(made(line))
            elif line["what"] == manifest.DELETED:
                append(records.RecordingDeleted(int(line["recording"]), line["at"], str(line["because"])))
            elif line["what"] in (manifest.HEARD, manifest.EXPORTED):
                append(records.RecordingHeard(int(line["recording"]), line["at"], str(line["by"]), line["what"]))
            if at % 500 == 499:
                await asyncio.sleep(0)

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

    def state(self, interaction: InteractionId) -> str:
        calls = self._switch.cores.calls
        leg = leg_of(calls, interaction)
        return "" if leg is None else calls.board.recordings.state(leg.id)

    async def find(self, wanted: records.FindRecordings) -> tuple[records.StoredRecording, ...]:
        try:
            return await self._switch.edges.store.recordings(wanted)
        except StoreError as error:
            raise PastError(str(error)) from None

    async def audio(self, recording: records.StoredRecording, by: str) -> Audio:
        """To be closed. Who opens it is noted before the first byte leaves."""
        if self._shelf is None:
            raise PastError("This line does not record; its configuration has no section recording.")
        clock, number = self._switch.clock, recording.made.recording
        now = clock.wall(clock.now())
        try:
            audio = await asyncio.to_thread(self._shelf.audio, recording.made.path)
            try:
                await asyncio.to_thread(self._shelf.note, now, manifest.HEARD, str(number), by=by)
            except BaseException:
                audio.close()
                raise
        except (ShelfError, OSError) as error:
            raise PastError(f"The recording cannot be opened: {error}.") from None
        self._switch.edges.store.append(records.RecordingHeard(number, round(now, 3), by, manifest.HEARD))
        return audio
