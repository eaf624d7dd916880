"""kill -9 of the switch process while people talk and wait: the next one goes on with their calls."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest

from .conftest import EXPRESS, LINE, Line, Sipp
from .test_media_lost import media_process

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


async def kept(line: Line, kind: str) -> None:
    """Wait until a call of this kind is kept."""
    written = bytes([0xA0 + len(kind)]) + kind.encode()
    question = "SELECT id FROM live_call WHERE id > 0 AND instr(body, ?) > 0"
    await line.switch.wait_for_row(question, written, seconds=20, wish=f"call that is kept as {kind}")


async def test_calls_go_on_when_the_switch_is_killed_and_started_again(line: Line) -> None:
    switch = line.switch
    anna = await line.agent("anna")
    talks = await line.customer("+3725551081")
    waits = await line.customer("+3725551082")
    await anna.tone(440)
    await talks.tone(770)
    await anna.answering("at_once")
    await talks.dial(line.outside(LINE))
    await talks.expect("hearing", after=0, seconds=20)
    await talks.press("0")
    talking = await anna.expect("talking", after=0, seconds=20)
    await waits.dial(line.outside(LINE))
    await waits.expect("hearing", after=0, seconds=20)
    await waits.press("0")
    await switch.wait_for("queues", lambda rows: any(row["waiting"] for row in rows), 20, "anybody waiting")
    calls = {row["caller"]: row for row in await switch.look("calls")}
    assert set(calls) == {"+3725551081", "+3725551082"}, calls
    await kept(line, "talk")
    await kept(line, "waiting")

    await switch.kill()
    killed = time.monotonic()
    await anna.hears_tone(770, after=0, since=killed, seconds=20)
    await talks.hears_tone(440, after=0, since=killed, seconds=20)
    await switch.start()

    again = {row["caller"]: row for row in await switch.look("calls")}
    assert set(again) == set(calls)
    assert again["+3725551081"]["state"] == "talking"
    assert again["+3725551082"]["state"] == "waiting"
    assert (await switch.agent("anna"))["state"] == "talking"
    await talks.order("hold")
    resumed = await talks.order("resume")
    await anna.hears_tone(770, after=0, since=resumed["at"] + 0.2, seconds=20)
    await talks.hears_tone(440, after=0, since=resumed["at"] + 0.2, seconds=20)

    await anna.answering("never")
    mark = anna.mark()
    await talks.hang_up()
    over = await anna.expect("ended", after=mark, seconds=20)
    row = await switch.wait_for_row("SELECT * FROM talk WHERE caller = '+3725551081'", seconds=20, wish="talk")
    assert row["seconds"] == pytest.approx(over.at - talking.at, abs=2.0)
    assert row["agent"] == "anna"
    details = switch.rows("SELECT restarted FROM call_detail WHERE interaction = ?", row["interaction"])
    assert [each["restarted"] for each in details] == [1, 1]
    assert switch.rows(
        "SELECT 1 FROM agent_event WHERE agent = 'anna' AND state = 'wrap-up' AND at > ?", row["began_at"]
    )

    rung = await anna.expect("incoming", after=mark, seconds=20)
    assert rung
    await waits.hang_up()
    await anna.expect("ended", after=mark + 1, seconds=20)
    await anna.order("unregister")


async def test_a_new_description_and_the_end_of_a_call_that_another_process_answered(
    line: Line, sipp: Callable[..., Awaitable[Sipp]]
) -> None:
    run = await sipp("outlives")
    await kept(line, "menu")
    await line.switch.kill()
    await line.switch.start()
    await run.done()  # however long the start took: his re-INVITE is repeated until somebody answers
    question = "SELECT restarted, ended_by FROM call_detail WHERE caller = ?"
    row = await line.switch.wait_for_row(question, line.caller(), seconds=20, wish="record of his leg")
    assert row == {"restarted": 1, "ended_by": "peer"}


async def test_switch_and_media_process_are_both_killed(line: Line) -> None:
    """The calls are known, and get new ports."""
    anna = await line.agent("anna")
    customer = await line.customer("+3725551083")
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    await kept(line, "talk")
    audio = media_process(line)
    await line.switch.kill()
    os.kill(audio, signal.SIGKILL)
    marks = anna.mark(), customer.mark()
    await line.switch.start()
    moved = [
        await phone.expect("sdp", "media", after=mark, seconds=20)
        for phone, mark in zip((anna, customer), marks, strict=True)
    ]
    back = max(event.at for event in moved) + 0.2
    await anna.hears_tone(770, after=0, since=back, seconds=20)
    await customer.hears_tone(440, after=0, since=back, seconds=20)
    await anna.hang_up()
    await customer.expect("ended", after=0, seconds=20)
    await anna.order("unregister")
