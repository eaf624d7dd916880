"""What is said is in the file, sample by sample: through loss, reordering, pauses, masks, hold and another agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from tests.media.harness import Phone, Worker
from tests.media.recording.desk import (
    KEY,
    Pace,
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

from softswitch.media import rtp
from softswitch.media.dtmf import press
from softswitch.media.messages import Bridge, MarkRecording, MaskRecording, PauseRecording, Unbridge
from softswitch.media.recording.crypt import KeyRing


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    path = tmp_path_factory.mktemp("media")
    with recording_worker(path / "w", setup(path / "recordings")) as worker:
        yield worker


@pytest.fixture
def worker(shared: Worker) -> Iterator[Worker]:
    yield shared
    shared.settle()
    assert shared.process.poll() is None


def store_of(worker: Worker) -> Path:
    return worker.prompts.parent / "recordings"


def arrived(phone: Phone, payload: bytes) -> None:
    """Wait until it has come through the switch to this phone."""
    while phone.hear()[1] != payload:
        pass


@pytest.mark.parametrize("key", ["", "2026"])
def test_both_sides_are_there_sample_by_sample(worker: Worker, key: str) -> None:
    store = store_of(worker)
    worker.send(setup(store, key))
    caller, agent = call(worker)
    number = start(caller)
    his, hers, pace = frames(1, 20), frames(2, 20), Pace()
    for one, other in zip(his, hers, strict=True):
        caller.talk(one)
        agent.talk(other)
        pace.wait()
    line = stop(caller, number)
    left, right = sound(store, line, KeyRing({key: bytes.fromhex(KEY)}, key) if key else None)
    begin = find(left, heard(his))
    assert begin >= 0
    assert find(right, heard(hers)) >= 0
    assert not left[:begin].any()
    assert not left[begin + 20 * 160 :].any()
    assert (store / line["path"]).stat().st_mode & 0o007 == 0  # for nobody else
    caller_side = line["sides"]["caller"]
    assert line["interaction"] == "42" and (caller_side["packets"], caller_side["lost"]) == (20, 0)
    # he may begin late, and the end may come late, on a busy machine; between there is nothing that was not heard
    spoken = begin / 8000, begin / 8000 + 0.4
    assert all(hole[1] <= spoken[0] or hole[0] >= spoken[1] for hole in caller_side["silent"])
    assert line["path"].endswith(".wav.sealed" if key else ".wav") and not list((store / "live").iterdir())


def test_lost_packets_are_a_hole_and_late_ones_find_their_place(worker: Worker) -> None:
    store = store_of(worker)
    worker.send(setup(store))
    caller, _ = call(worker)
    caller.sequence, caller.timestamp = 65_530, 2**32 - 5 * 160  # both wrap on the way
    number = start(caller)
    his, pace, packets = frames(3, 30), Pace(), []
    for one in his:
        caller.sequence = (caller.sequence + 1) & 0xFFFF
        caller.timestamp = (caller.timestamp + 160) & 0xFFFFFFFF
        packets.append(rtp.build(0, caller.sequence, caller.timestamp, caller.ssrc, one))
    order = [0, 1, 3, 2, 4, 4, 5, *range(10, 25), 6, 25, 26, 27, 28, 29]  # 7, 8 and 9 never come, 6 very late
    for place in order:
        caller.throw(packets[place])
        pace.wait()
    line = stop(caller, number)
    left, _ = sound(store, line)
    expected = heard(his).copy()
    expected[7 * 160 : 10 * 160] = 0
    assert find(left, expected) >= 0
    assert line["sides"]["caller"]["lost"] == 3


def test_paused_and_masked_stretches_are_silence_and_marked_and_keys_are_nowhere(worker: Worker) -> None:
    store = store_of(worker)
    worker.send(setup(store))
    caller, agent = call(worker)
    number = start(caller)
    his, hers, pace = frames(4, 40), frames(5, 40), Pace()
    for place, (one, other) in enumerate(zip(his, hers, strict=True)):
        if place in (10, 30):  # orders have a way of their own, and may overtake what was said before
            arrived(agent, his[place - 1])
            arrived(caller, hers[place - 1])
        if place == 10:
            worker.send(PauseRecording(caller.leg, True, "anna", "a private word"))
            worker.settle()
        if place == 15:
            worker.send(MaskRecording(caller.leg, True, "flow", "pin"))
            worker.send(PauseRecording(caller.leg, False, "anna", ""))
            worker.settle()
        if place == 30:
            worker.send(MaskRecording(caller.leg, False, "flow", "pin"))
            worker.settle()
        if place in (5, 20):
            caller.press(press("7", caller.timestamp))
        caller.talk(one)
        agent.talk(other)
        pace.wait()
    line = stop(caller, number)
    left, right = sound(store, line)
    for channel, payloads in ((left, his), (right, hers)):
        begin = find(channel, heard(payloads[:10])[:-160])
        assert begin >= 0
        assert find(channel, heard(payloads[30:])[160:]) == begin + 31 * 160
        hidden = channel[begin + 10 * 160 : begin + 29 * 160]
        assert not hidden.any()
    assert [(each["mark"], each["by"], each["detail"]) for each in line["marks"]] == [
        ("paused", "anna", "a private word"),
        ("masked", "flow", "pin"),
        ("resumed", "anna", ""),
        ("unmasked", "flow", "pin"),
    ]
    caller_side, begin = line["sides"]["caller"], find(left, heard(his[:10])[:-160]) / 8000
    assert (caller_side["packets"], caller_side["lost"]) == (20, 0)
    # what is hidden is not missing
    assert all(hole[1] <= begin or hole[0] >= begin + 0.79 for hole in caller_side["silent"])


def test_a_mask_reaches_back_over_what_is_on_its_way_to_the_file_and_not_over_the_mask_before(worker: Worker) -> None:
    store = store_of(worker)
    worker.send(setup(store))
    caller, _ = call(worker)
    number = start(caller)
    his, pace = frames(22, 78), Pace()
    for place, one in enumerate(his):
        if place in (56, 70):  # the first of them lies in a batch that was handed over: of 50 packets
            worker.send(MaskRecording(caller.leg, True, "the flow", "a secret", 0.0, 0.6))
            worker.settle()
        if place in (60, 74):
            worker.send(MaskRecording(caller.leg, False, "the flow", "a secret"))
            worker.settle()
        caller.talk(one)
        pace.wait()
    line = stop(caller, number)
    left, _ = sound(store, line)
    assert find(left, heard(his[:20])) >= 0
    assert all(find(left, heard([each])) < 0 for each in (*his[31:59], *his[61:73]))
    times = [mark["at"] for mark in line["marks"]]
    assert times == sorted(times) and times[1] == times[2]


def test_a_mask_that_lingers_hides_the_end_of_the_last_key(worker: Worker) -> None:
    store = store_of(worker)
    worker.send(setup(store))
    caller, _ = call(worker)
    number = start(caller)
    his, pace = frames(21, 60), Pace()
    worker.send(MaskRecording(caller.leg, True, "the flow", "a secret"))
    worker.settle()
    for place, one in enumerate(his):
        if place == 5:
            worker.send(MaskRecording(caller.leg, False, "the flow", "a secret", 0.4))
            worker.settle()
        caller.talk(one)
        pace.wait()
    left, _ = sound(store, stop(caller, number))
    assert all(find(left, heard([each])) < 0 for each in his[:12])
    assert find(left, heard(his[50:])) >= 0


def test_hold_and_another_agent_are_one_recording(worker: Worker) -> None:
    store = store_of(worker)
    worker.send(setup(store))
    caller, anna = call(worker)
    mart = Phone(worker)
    number = start(caller)
    his, hers, marts, pace = frames(6, 60), frames(7, 15), frames(8, 15), Pace()
    for place, one in enumerate(his):
        if place == 15:
            worker.send(MarkRecording(caller.leg, "held"), Unbridge(caller.leg))
            worker.settle()
        if place == 45:
            worker.send(MarkRecording(caller.leg, "transferred", "mart"), Bridge(caller.leg, mart.leg))
            worker.settle()
        if place < 15:
            anna.talk(hers[place])
        elif place >= 45:
            mart.talk(marts[place - 45])
        caller.talk(one)
        pace.wait()
    line = stop(caller, number)
    left, right = sound(store, line)
    assert find(left, heard(his)) >= 0
    first, second = find(right, heard(hers)), find(right, heard(marts))
    assert first >= 0 and second >= 0
    assert abs(second - first - 45 * 160) <= 400  # a new source: by its arrival
    assert not right[first + 15 * 160 : second].any()
    assert [each["mark"] for each in line["marks"]] == ["held", "transferred"]
    (hole,) = line["sides"]["ours"]["silent"]
    assert 0.5 < hole[1] - hole[0] < 0.75


def test_a_leg_that_closes_ends_its_recording(worker: Worker) -> None:
    store = store_of(worker)
    worker.send(setup(store))
    caller, _ = call(worker)
    number = start(caller)
    caller.talk(frames(9, 1)[0])
    worker.settle()
    caller.hang_up()
    line = ended(worker, number)
    assert line["ended"] == "the call ended"
    assert numpy.count_nonzero(sound(store, line)[0]) > 100
