"""`python -m softswitch.media.worker.recordings FD`: the writer, at the other end of the socket FD.

It appends what the media process hands over to the reel of each recording, never does anything that could wait for a
call, and has what is over made into files (`jobs`). When the media process dies it finishes what was going on, and
ends. At its start, and every now and then, it looks for reels that a dead writer has left, and finishes them.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing
from softswitch.media.worker.recordings import frames
from softswitch.media.worker.recordings.frames import FrameReader, frame
from softswitch.media.worker.recordings.jobs import Job, Jobs
from softswitch.media.worker.recordings.reels import LIVE, LeftOver, Reel, Space, part_of, take_left_over

log = logging.getLogger("softswitch.media.recordings")

AUDIT_SECONDS: Final = 15.0
OLD_SECONDS: Final = 5.0  # a dead writer is replaced within that time, and its successor has the first claim
TICK_SECONDS: Final = 1.0
GOODBYE_SECONDS: Final = 30.0  # for what cannot be finished when the media process is gone
_READ_BYTES: Final = 1 << 20


class Recordist:
    """See the module docstring."""

    def __init__(self, sock: socket.socket, setup: dict[str, Any]) -> None:
        self._sock = sock
        self._directory = Path(setup["directory"])
        self._ring = _ring(setup)
        self._space = Space(self._directory, int(setup["free_megabytes"]) * 1_000_000)
        self._reels: dict[int, list[Reel]] = {}  # parts of what goes on, the last one is written to
        self._closing: list[int] = []
        # begun by our predecessor, and gone on with by us: so that no writer of another media process takes them
        going_on = {int(each) for each in setup["going_on"]}
        self._before = self._left_overs(going_on)
        self._expected = going_on
        self._jobs = Jobs(self._directory, self._ring, str(setup["format"]))
        self._audit_at = 0.0
        self._trouble = ""  # what the switch was told of the disk

    # -------------------------------------------------------------- the loop

    def run(self, reader: FrameReader) -> None:
        while True:
            now = time.monotonic()
            self._tick(now)
            watched: list[Any] = [self._sock]
            if self._jobs.answers >= 0:
                watched.append(self._jobs.answers)
            ready, _, _ = select.select(watched, [], [], TICK_SECONDS)
            if self._jobs.answers in ready:
                self._jobs.answered(time.monotonic())
            if self._sock in ready and not self._read(reader):
                break
        self._goodbye()

    def _read(self, reader: FrameReader) -> bool:
        try:
            data = self._sock.recv(_READ_BYTES)
        except ConnectionError:
            return False
        if not data:
            return False
        for kind, recording, content in reader.feed(data):
            self.obey(kind, recording, content)
        return True

    def _tick(self, now: float) -> None:
        if now >= self._audit_at:
            self._audit_at = now + AUDIT_SECONDS
            self._audit()
        for parts in self._reels.values():
            if parts[-1].trouble:
                parts[-1].retry(now)
        for recording in list(self._closing):
            self._over(recording)
        self._jobs.begin(now)
        self._report()

    def _goodbye(self) -> None:
        """The media process is gone: what went on ends here."""
        for recording in list(self._reels):
            self._hand_over(recording)
        until = time.monotonic() + GOODBYE_SECONDS
        while not self._jobs.idle and (time.monotonic() < until or self._jobs.answers >= 0):
            self._jobs.begin(time.monotonic())
            answers = self._jobs.answers
            if answers < 0:
                time.sleep(TICK_SECONDS)
            elif select.select([answers], [], [], TICK_SECONDS)[0]:
                self._jobs.answered(time.monotonic())
        self._jobs.close()

    # -------------------------------------------------------------- orders

    def obey(self, kind: int, recording: int, content: bytes) -> None:
        if kind == frames.SETUP:
            self._change(json.loads(content))
            return
        parts = self._reels.get(recording)
        if parts is None:
            if kind != frames.OPEN:
                return
            parts = self._reels[recording] = self._begin(recording, json.loads(content)["part"])
            self._expected.discard(recording)
        parts[-1].put(kind, content)
        if kind == frames.CLOSE:
            self._closing.append(recording)
            self._over(recording)

    def _change(self, setup: dict[str, Any]) -> None:
        """Other keys, another format: for what begins from now on."""
        self._ring = self._jobs.ring = _ring(setup)
        self._jobs.form = str(setup["format"])
        self._space.least = int(setup["free_megabytes"]) * 1_000_000

    def _begin(self, recording: int, part: int) -> list[Reel]:
        while (self._directory / LIVE / f"{recording}.{part}.reel").exists():
            part += 1
        return [Reel(self._directory, recording, part, self._ring, self._space)]

    def _over(self, recording: int) -> None:
        parts = self._reels[recording]
        if parts[-1].finish():
            self._closing.remove(recording)
            self._hand_over(recording)

    def _hand_over(self, recording: int) -> None:
        reels: list[Reel | LeftOver] = [*self._reels.pop(recording)]
        reels += [each for each in self._before if each.recording == recording]
        reels = [each for each in reels if each.path.exists()]
        if reels:
            self._jobs.add(Job(recording, reels))
        else:
            log.error("recording %d is lost: nothing of it could be written", recording)

    # -------------------------------------------------------------- left-overs

    def _audit(self) -> None:
        """Reels that nobody writes to and nobody finishes."""
        busy = self._reels.keys() | self._expected | self._jobs.recordings
        found: dict[int, list[Reel | LeftOver]] = {}
        for each in self._left_overs(busy, unless=True):
            found.setdefault(each.recording, []).append(each)
        for recording, reels in found.items():
            log.warning("recording %d was left unfinished, and is finished now", recording)
            self._jobs.add(Job(recording, reels))

    def _left_overs(self, recordings: Collection[int], *, unless: bool = False) -> list[LeftOver]:
        """Those of these recordings, or of all others."""
        found = []
        for path in sorted((self._directory / LIVE).glob("*.reel")):
            named = part_of(path)
            if named is not None and (named[0] in recordings) != unless:
                taken = take_left_over(path, OLD_SECONDS if unless else 0.0)
                if taken is not None:
                    found.append(taken)
        return found

    # -------------------------------------------------------------- what the switch is told

    def _report(self) -> None:
        trouble = next((parts[-1].trouble for parts in self._reels.values() if parts[-1].trouble), "")
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                log.error("recordings cannot be written: %s", trouble)
            else:
                log.info("recordings are written again")
            self._problem(0, "disk", trouble)
        for job, line, problem in self._jobs.told:
            if line is not None:
                if job.tries:
                    self._problem(job.recording, "file", "")
                self._send(frames.ENDED, job.recording, json.dumps(line))
            else:
                self._problem(job.recording, "file", problem)
        self._jobs.told.clear()

    def _problem(self, recording: int, what: str, detail: str) -> None:
        self._send(frames.PROBLEM, recording, json.dumps({"what": what, "detail": detail}))

    def _send(self, kind: int, recording: int, text: str) -> None:
        try:
            self._sock.sendall(frame(kind, recording, text.encode()))
        except OSError:
            log.warning("the media process does not listen")


def _ring(setup: dict[str, Any]) -> KeyRing:
    return KeyRing({name: bytes.fromhex(key) for name, key in setup["keys"].items()}, str(setup["use"]))


def serve(sock: socket.socket) -> None:
    reader = FrameReader()
    while True:
        chunk = sock.recv(_READ_BYTES)
        if not chunk:
            return
        waiting = list(reader.feed(chunk))
        if waiting:
            break
    kind, _, content = waiting[0]
    assert kind == frames.SETUP, "the setup comes first"
    recordist = Recordist(sock, json.loads(content))
    for kind, recording, content in waiting[1:]:
        recordist.obey(kind, recording, content)
    recordist.run(reader)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="recordings: %(message)s", stream=sys.stderr)
    os.setpriority(os.PRIO_PROCESS, 0, 0)  # not with the haste of the media process, which started it
    os.umask(0o027)  # recordings are for nobody else
    # it ends when the media process does, after what is to be finished
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(socket.socket(fileno=int(sys.argv[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
