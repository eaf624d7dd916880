"""Media processes and phones for the tests of this room."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.media.harness import Phone, SecurePhone, Worker, free_range

from softswitch.media.messages import Bridge, CloseMediaLeg


@pytest.fixture(scope="session")
def shared_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    first = free_range(600)
    worker = Worker(tmp_path_factory.mktemp("prompts"), first, first + 599, "--quarantine", "0.1")
    assert worker.said == "ready"
    yield worker
    assert worker.close() == 0


@pytest.fixture
def worker(shared_worker: Worker) -> Iterator[Worker]:
    """The shared media process, which must live through every test."""
    yield shared_worker
    shared_worker.settle()
    shared_worker.queue.clear()
    assert shared_worker.process.poll() is None


@pytest.fixture
def phone(worker: Worker) -> Iterator[Callable[..., Phone]]:
    """Makes phones, and hangs them up."""
    phones: list[Phone] = []

    def make(payload_type: int = 0, dtmf_type: int = 101, suite: str = "") -> Phone:
        made = SecurePhone(worker, suite, payload_type, dtmf_type) if suite else Phone(worker, payload_type, dtmf_type)
        phones.append(made)
        return made

    yield make
    for one in phones:
        worker.send(CloseMediaLeg(one.leg))
        one.sock.close()


@pytest.fixture
def bridged(worker: Worker, phone: Callable[..., Phone]) -> Callable[..., tuple[Phone, Phone]]:
    """Two phones with a bridge between them; types as (payload type, event type, SRTP suite)."""

    def make(a: tuple[object, ...] = (0, 101), b: tuple[object, ...] = (0, 101)) -> tuple[Phone, Phone]:
        one, other = phone(*a), phone(*b)
        worker.send(Bridge(one.leg, other.leg))
        worker.settle()
        return one, other

    return make


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Media processes with ports and options of their own."""
    workers: list[Worker] = []

    def start(first: int, last: int, *options: str) -> Worker:
        directory = tmp_path / str(len(workers))
        directory.mkdir()
        workers.append(Worker(directory, first, last, *options))
        return workers[-1]

    yield start
    for one in workers:
        with contextlib.suppress(OSError):
            one.close()
