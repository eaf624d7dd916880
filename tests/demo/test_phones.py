"""Two real phones (baresip, each a process) call each other without a switch: the tools of the demo are sound."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.demo.phones import Handset, PhoneTrouble, Rack
from softswitch.demo.ports import free_port

pytestmark = pytest.mark.interop


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Rack]:
    async with Rack(tmp_path) as rack:
        yield rack


async def phone(rack: Rack, name: str) -> tuple[Handset, str]:
    port = free_port()
    handset = await rack.phone(name, port=port)
    await handset.order("account", user=name, domain=f"127.0.0.1:{port}")
    return handset, f"sip:{name}@127.0.0.1:{port}"


async def test_call_with_tones_both_ways_digits_and_hold(rack: Rack) -> None:
    anna, anna_uri = await phone(rack, "anna")
    caller, _ = await phone(rack, "caller")
    await anna.tone(440)
    await caller.tone(770)
    await anna.answering("at_once")
    await caller.dial(anna_uri)
    talking = await caller.expect("talking", after=0, seconds=20)
    heard = await caller.hears_tone(440, after=0, since=talking.at, seconds=20)
    assert heard.began - talking.at < 3.0
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    with pytest.raises(PhoneTrouble, match="1000 Hz not heard"):
        await anna.hears_tone(1000, after=0, since=talking.at, seconds=0.2)

    await caller.press("3#")
    await anna.expect("key", after=0, seconds=20, where=lambda event: event["digit"] == "3")
    await anna.expect("key", after=0, seconds=20, where=lambda event: event["digit"] == "#")

    mark = caller.mark()
    await anna.order("hold")
    await caller.expect("held", after=mark, seconds=20)
    await anna.order("resume")
    resumed = await caller.expect("resumed", after=mark, seconds=20)
    await caller.hears_tone(440, after=0, since=resumed.at, seconds=20)

    await caller.hang_up()
    ended = await anna.expect("ended", after=0, seconds=20)
    # What was recorded lies on the line of real time: silence stands where the call was held.
    recording = anna.recording()
    assert recording is not None
    assert abs(recording.began + recording.seconds - ended.at) < 1.0


async def test_reject_and_give_up(rack: Rack) -> None:
    anna, anna_uri = await phone(rack, "anna")
    caller, _ = await phone(rack, "caller")
    await anna.answering("reject")
    await caller.dial(anna_uri)
    ended = await caller.expect("ended", after=0, seconds=20)
    assert ended["status"] == 486

    await anna.answering("never")
    mark = anna.mark()
    await caller.dial(anna_uri)
    await anna.expect("incoming", after=mark, seconds=20)
    await caller.hang_up()
    await anna.expect("ended", after=mark, seconds=20)


async def test_orders_that_make_no_sense_are_answered(rack: Rack) -> None:
    anna, _ = await phone(rack, "anna")
    with pytest.raises(PhoneTrouble, match="not in a call"):
        await anna.press("1")
    with pytest.raises(PhoneTrouble, match="no such order"):
        await anna.order("explode")
    with pytest.raises(PhoneTrouble, match="expected ringing"):
        await anna.expect("ringing", after=0, seconds=0.1)


async def test_phones_end_quickly_and_leave_no_process(tmp_path: Path) -> None:
    rack = Rack(tmp_path)
    anna, _ = await phone(rack, "anna")
    began = time.monotonic()
    await rack.close()
    assert time.monotonic() - began < 9.0  # by itself or asked to, never killed
    assert anna._process.returncode == 0


async def test_a_phone_whose_port_is_taken_is_tried_again_and_then_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        rack = Rack(tmp_path)
        with pytest.raises(PhoneTrouble, match="anna did not start; its log is"):
            await rack.phone("anna", port=taken.getsockname()[1])
        await rack.close()
    assert (tmp_path / "anna.log").read_text().count("Address already in use") >= 3
