"""Recordings that are over and become files, one at a time, in a process of their own (`finish`).

over -> [queue] -> finish -> renamed -> line in the manifest -> reels deleted -> told
                     |  error: again after a while; after `MOST_TRIES` the reels stay for the next start
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.manifest import RECORDED
from softswitch.media.worker.recordings import ledger
from softswitch.media.worker.recordings.reels import LeftOver, Reel

log = logging.getLogger(__name__)

MOST_TRIES: Final = 5
AGAIN_SECONDS: Final = 5.0  # and as much longer after each try
PATIENCE_SECONDS: Final = 600.0  # for one recording


class Job:
    def __init__(self, recording: int, reels: list[Reel | LeftOver]) -> None:
        self.recording = recording
        self.reels = reels
        self.tries = 0
        self.not_before = 0.0
        self.trouble = ""


class Jobs:
    def __init__(self, directory: Path, ring: KeyRing, form: str) -> None:
        self._directory = directory
        self.ring = ring
        self.form = form
        self._queue: list[Job] = []
        self._working: Job | None = None
        self._until = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.told: list[tuple[Job, dict[str, Any] | None, str]] = []  # (job, line of the manifest, trouble)

    @property
    def idle(self) -> bool:
        return self._working is None and not self._queue

    @property
    def recordings(self) -> set[int]:
        working = [] if self._working is None else [self._working]
        return {job.recording for job in (*self._queue, *working)}

    @property
    def answers(self) -> int:
        """The descriptor on which the answer comes; -1: nothing is being made."""
        if self._working is None or self._process is None or self._process.stdout is None:
            return -1
        return self._process.stdout.fileno()

    def add(self, job: Job) -> None:
        self._queue.append(job)

    def begin(self, now: float) -> None:
        """Begin the next one that is due, when nothing is being made."""
        if self._working is not None:
            if now >= self._until and self._process is not None:
                self._process.kill()  # its answer is the end of its stdout
            return
        for place, job in enumerate(self._queue):
            if job.not_before <= now:
                self._working = self._queue.pop(place)
                self._until = now + PATIENCE_SECONDS
                self._order(job, now)
                return

    def _order(self, job: Job, now: float) -> None:
        reels = sorted((each.path for each in job.reels), key=lambda path: int(path.name.split(".")[1]))
        order = {
            "recording": str(job.recording),
            "directory": str(self._directory),
            "reels": [str(path) for path in reels if path.exists()],
            "format": self.form,
            "keys": {name: key.hex() for name, key in self.ring.keys.items()},
            "use": self.ring.use,
        }
        try:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "softswitch.media.worker.recordings.finish"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                )
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            self._bury()  # it died while it had nothing to do; the next try has another one
            self._failed(job, f"nobody can make it into a file: {error.strerror}", now)

    def answered(self, now: float) -> None:
        """The descriptor `answers` can be read."""
        job, process = self._working, self._process
        assert job is not None and process is not None and process.stdout is not None
        text = process.stdout.readline()
        try:
            answer = json.loads(text)
            if "error" in answer:
                self._failed(job, str(answer["error"]), now)
                return
            line = self._store(answer)
        except OSError as error:
            self._failed(job, error.strerror or str(error), now)
        except ValueError:  # it died
            self._bury()
            self._failed(job, "the process that makes it into a file died", now)
        else:
            for each in job.reels:
                each.remove()
            self._working = None
            self.told.append((job, line, ""))

    def _store(self, answer: dict[str, Any]) -> dict[str, Any]:
        facts, partial = answer["facts"], Path(answer["partial"])
        path = self._directory / facts["path"]
        known = self._known(str(facts["path"])) if path.exists() else None
        if known is not None and known.get("parts") == facts["parts"]:
            partial.unlink(missing_ok=True)  # who made it died before the reels were deleted: it is there already
            return known
        if known is not None:  # two writers had a part each of one recording, in a crash: both are kept
            path = path.with_name(f"{int(time.time())}-{path.name}")
            facts["path"] = str(path.relative_to(self._directory))
        try:
            os.replace(partial, path)
            descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return ledger.append(self._directory, time.time(), RECORDED, facts, self.ring)
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def _known(self, path: str) -> dict[str, Any] | None:
        """What the manifest says of the file with this name; a file that it does not know was never finished."""
        quoted = json.dumps(path).encode()
        for _, text in ledger.newest(self._directory):
            if quoted in text:
                line: dict[str, Any] = json.loads(text)
                if line.get("path") == path and line.get("what") == RECORDED:
                    return line
        return None

    def _failed(self, job: Job, trouble: str, now: float) -> None:
        self._working = None
        job.tries += 1
        job.trouble = trouble
        job.not_before = now + AGAIN_SECONDS * job.tries
        log.error("recording %d cannot be made into a file: %s", job.recording, trouble)
        self.told.append((job, None, trouble))
        if job.tries < MOST_TRIES:
            self._queue.append(job)
        else:
            for each in job.reels:
                each.release()

    def _bury(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what it did not take any more
                        pipe.close()

    def close(self) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()
