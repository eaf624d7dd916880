"""Full disks, slow writers and sudden deaths: the call goes on, at most a second is lost, and the gap is marked."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from tests.manifest_reading import lines_of
from tests.media.harness import TIMEOUT, Phone, Worker
from tests.media.recording.desk import (
    KEY,
    call,
    ended,
    find,
    frames,
    heard,
    recording_worker,
    setup,
    sound,
    start,
    stop,
)

from softswitch.media.messages import MarkRecording, MaskRecording, RecordingProblem, StopRecording
from softswitch.media.recording.crypt import KeyRing
from softswitch.media.worker.recordings import ledger


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def writer_of(worker: Worker) -> int:
    (writer,) = until(lambda: children(worker.process.pid))
    return writer


def until(found: Callable[[], object]) -> object:
    """What it gives as soon as that is true."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := found()):
        assert time.monotonic() < deadline, found
        Event().wait(0.01)  # between two looks
    return value


def talk(phone: Phone, payloads: list[bytes]) -> None:
    """Fast: less than a second of speech is placed by its timestamps, however early it comes."""
    assert len(payloads) <= 45
    phone.ssrc += 1
    for each in payloads:
        phone.talk(each)
        Event().wait(0.003)  # the media process takes one packet of each leg every 2 ms


def problem(worker: Worker, what: str, *, on: bool = True) -> str:
    return worker.expect(RecordingProblem, lambda event: event.what == what and bool(event.detail) == on).detail


def reel_grown(store: Path, more_than: int = 0) -> Callable[[], bool]:
    return lambda: sum(each.stat().st_size for each in (store / "live").glob("*.reel")) > more_than


def test_a_full_disk_is_a_gap_and_the_call_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store)) as worker:
        caller, agent = call(worker)
        number = start(caller)
        his = frames(1, 120)
        until(reel_grown(store))
        writer = writer_of(worker)
        talk(caller, his[:40])
        until(reel_grown(store, 6000))
        # setrlimit(2): a write beyond it fails with EFBIG, as one to a full disk does with ENOSPC
        size = next((store / "live").glob("*.reel")).stat().st_size
        _, hard = resource.prlimit(writer, resource.RLIMIT_FSIZE)
        resource.prlimit(writer, resource.RLIMIT_FSIZE, (size + 100, hard))
        talk(caller, his[40:80])
        assert problem(worker, "disk") == "File too large"
        assert [agent.hear()[1] for _ in his[:80]] == his[:80]  # the call goes on
        resource.prlimit(writer, resource.RLIMIT_FSIZE, (hard, hard))
        assert problem(worker, "disk", on=False) == ""
        talk(caller, his[80:])
        line = stop(caller, number)
    left, _ = sound(store, line)
    gap = next(each for each in line["marks"] if each["mark"] == "gap")
    assert gap["detail"] == "File too large" and gap["until"] > gap["at"]
    assert find(left, heard(his[:40])) >= 0
    assert find(left, heard(his[80:])) > find(left, heard(his[:40]))
    assert all(find(left, heard([each])) < 0 for each in his[40:80])


def test_less_than_the_free_space_that_is_asked_for_is_a_full_disk(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store, free_megabytes=1 << 40)) as worker:
        caller, _ = call(worker)
        number = start(caller)
        assert "are free" in problem(worker, "disk")
        worker.send(setup(store))  # the operator asks for less
        assert problem(worker, "disk", on=False) == ""
        assert stop(caller, number)["recording"] == str(number)


def test_a_writer_that_stands_still_costs_the_call_nothing(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store)) as worker:
        caller, agent = call(worker)
        number = start(caller)
        until(reel_grown(store))
        writer = writer_of(worker)
        os.kill(writer, signal.SIGSTOP)
        try:
            his = frames(2, 30)
            flood = os.urandom(1900)
            for _ in range(400):  # more than the socket holds
                caller.talk(flood)
                agent.hear()
            assert problem(worker, "writer") == "the writer does not keep up"
            talk(caller, his)
        finally:
            os.kill(writer, signal.SIGCONT)
        assert problem(worker, "writer", on=False) == ""
        line = stop(caller, number)
    assert find(sound(store, line)[0], heard(his)) >= 0


def test_a_writer_that_dies_is_replaced_and_the_recording_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store, "k1")) as worker:
        caller, _ = call(worker)
        number = start(caller)
        his = frames(3, 80)
        talk(caller, his[:40])
        until(reel_grown(store, 6000))
        os.kill(writer_of(worker), signal.SIGKILL)
        assert problem(worker, "writer") == "the writer died"
        assert problem(worker, "writer", on=False) == ""
        until(lambda: len(list((store / "live").glob("*.reel"))) == 2)
        talk(caller, his[40:])
        line = stop(caller, number)
    left, _ = sound(store, line, KeyRing({"k1": bytes.fromhex(KEY)}))
    assert find(left, heard(his[:40])) >= 0
    assert find(left, heard(his[40:])) >= 0
    assert "the writer was away" in [each["detail"] for each in line["marks"]]


def test_what_was_marked_while_there_was_no_writer_is_marked(tmp_path: Path) -> None:
    """Most of all the end of a mask: else everything behind it would be silence."""
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store)) as worker:
        caller, _ = call(worker)
        number = start(caller)
        worker.send(MaskRecording(caller.leg, True, "flow", "pin"))
        until(reel_grown(store, 300))
        os.kill(writer_of(worker), signal.SIGKILL)
        worker.send(MaskRecording(caller.leg, False, "flow", "pin"), MarkRecording(caller.leg, "agent", "mart"))
        assert problem(worker, "writer") == "the writer died"
        assert problem(worker, "writer", on=False) == ""
        his = frames(6, 40)
        talk(caller, his)
        line = stop(caller, number)
    assert find(sound(store, line)[0], heard(his)) >= 0
    assert [each["mark"] for each in line["marks"] if each["mark"] != "gap"] == ["masked", "unmasked", "agent"]


def test_who_makes_files_and_died_while_there_were_none_to_make_is_replaced(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store)) as worker:
        caller, _ = call(worker)
        stop(caller, start(caller))
        (maker,) = children(writer_of(worker))
        os.kill(maker, signal.SIGKILL)
        number = start(caller)
        worker.send(StopRecording(caller.leg, "anna", "done"))
        assert problem(worker, "file")  # of the first try
        assert ended(worker, number)["recording"] == str(number)


def test_a_media_process_that_dies_leaves_a_whole_recording(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store)) as worker:
        caller, _ = call(worker)
        start(caller)
        his = frames(4, 40)
        talk(caller, his)
        until(reel_grown(store, 6000))
        worker.process.kill()
        until(lambda: (store / ledger.NAME).exists())
        line = lines_of(store)[-1]
    facts = json.loads(line)
    assert facts["ended"] == "the media process died"
    assert find(sound(store, facts)[0], heard(his)) >= 0
    until(lambda: not list((store / "live").glob("*.reel")))


def test_what_everybody_left_when_they_died_is_finished_at_the_next_start(tmp_path: Path) -> None:
    store = tmp_path / "recordings"
    with recording_worker(tmp_path / "w", setup(store)) as worker:
        caller, _ = call(worker)
        number = start(caller)
        his = frames(5, 40)
        talk(caller, his)
        until(reel_grown(store, 6000))
        os.kill(writer_of(worker), signal.SIGSTOP)  # it must not finish it
        os.kill(writer_of(worker), signal.SIGKILL)
        worker.process.kill()
    (reel,) = (store / "live").glob("*.reel")
    with open(reel, "ab") as file:  # a record that was cut in the middle
        file.write(b"\x00\x00\x10\x00half of it")
    os.utime(reel, (time.time() - 60, time.time() - 60))
    with recording_worker(tmp_path / "w2", setup(store)) as worker:
        line = ended(worker, number)
    assert line["ended"] == "the media process died" and line["caller"] == "+3726001"
    assert find(sound(store, line)[0], heard(his)) >= 0
