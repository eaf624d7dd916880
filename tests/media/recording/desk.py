"""A real media process that records, and phones whose every sample is known."""

from __future__ import annotations

import audioop
import contextlib
import io
import json
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import numpy
import soundfile
from tests.media.harness import Phone, Worker, free_range

from softswitch.media.messages import (
    Bridge,
    RecordingEnded,
    SetUpRecording,
    StartRecording,
    StopRecording,
)
from softswitch.media.recording.crypt import Header, KeyRing, SealError

KEY = "0f" * 32
STEP = 0.02
FILE_SECONDS = 30.0


def setup(directory: Path, use: str = "", free_megabytes: int = 0, form: str = "wav") -> SetUpRecording:
    keys = (f"{use}:{KEY}",) if use else ()
    return SetUpRecording(str(directory), keys, use, free_megabytes, form)


@contextlib.contextmanager
def recording_worker(directory: Path, order: SetUpRecording) -> Iterator[Worker]:
    first = free_range(64)
    directory.mkdir(exist_ok=True)
    worker = Worker(directory, first, first + 63, "--quarantine", "0.1")
    worker.send(order)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.close()


_numbers = count(1)


def start(phone: Phone, form: str = "") -> int:
    recording = next(_numbers)
    phone.worker.send(StartRecording(phone.leg, recording, 42, "+3726001", "+3726310000", "the queue", "always", form))
    phone.worker.settle()
    return recording


def ended(worker: Worker, recording: int) -> dict[str, Any]:
    """Two processes come up for the first file: a busy machine takes its time for that."""
    deadline = time.monotonic() + FILE_SECONDS
    while True:
        try:
            event = worker.expect(RecordingEnded, lambda event: event.recording == recording)
        except (AssertionError, TimeoutError):
            assert time.monotonic() < deadline, f"recording {recording} is no file after {FILE_SECONDS} s"
        else:
            line: dict[str, Any] = json.loads(event.line)
            return line


def stop(phone: Phone, recording: int) -> dict[str, Any]:
    phone.worker.send(StopRecording(phone.leg, "anna", "done"))
    return ended(phone.worker, recording)


def opened(path: Path, ring: KeyRing) -> bytes:
    """The audio file inside a sealed one, by the format's own description. Raises SealError."""
    with open(path, "rb") as file:
        header = Header.read(file.read, ring)
        count = header.chunks(path.stat().st_size)
        plain = b""
        for number in range(count):
            file.seek(header.offset(number))
            plain += header.open(number, file.read(header.chunk + 16), last=number == count - 1)
        if len(plain) != header.plain_size(path.stat().st_size):
            raise SealError("its length is wrong")
    return plain


def sound(directory: Path, line: dict[str, Any], ring: KeyRing | None = None) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Left and right, 16 bit."""
    path = directory / line["path"]
    data = path.read_bytes() if ring is None else opened(path, ring)
    samples, _ = soundfile.read(io.BytesIO(data), dtype="int16")
    return samples[:, 0], samples[:, 1]


def frames(seed: int, count: int) -> list[bytes]:
    """Frames of u-law of which no two are alike, loud throughout."""
    random = numpy.random.default_rng(seed)
    return [bytes(random.integers(0, 96, 160, dtype=numpy.uint8)) for _ in range(count)]


def heard(payloads: list[bytes]) -> numpy.ndarray:
    return numpy.frombuffer(b"".join(audioop.ulaw2lin(each, 2) for each in payloads), dtype=numpy.int16)


def find(channel: numpy.ndarray, samples: numpy.ndarray) -> int:
    """Where these samples lie in the channel, exactly; -1: nowhere."""
    at = channel.tobytes().find(samples.tobytes())
    while at > 0 and at % 2:
        at = channel.tobytes().find(samples.tobytes(), at + 1)
    return at // 2 if at >= 0 else -1


class Pace:
    """20 ms by the clock, so that what is sent arrives when its timestamp says."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def wait(self, steps: int = 1) -> None:
        self._at += steps * STEP
        Event().wait(max(self._at - time.monotonic(), 0.0))


def call(worker: Worker) -> tuple[Phone, Phone]:
    caller, agent = Phone(worker), Phone(worker)
    worker.send(Bridge(caller.leg, agent.leg))
    worker.settle()
    return caller, agent
