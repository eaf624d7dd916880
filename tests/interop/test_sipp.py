"""sipp against the real switch: the exact messages of the ways that phones do not show."""

from __future__ import annotations

import asyncio
import audioop
import struct
import time
from collections.abc import Awaitable, Callable
from math import pi, sin
from pathlib import Path

import aiohttp
import pytest

from softswitch.demo.ports import free_port
from softswitch.demo.switch import HOST

from .conftest import AGENTS, EXPRESS, LINE, Line, Sipp
from .wire import Wire, login, register

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]

Run = Callable[..., Awaitable[Sipp]]


async def test_call_through_the_trunk(line: Line, sipp: Run) -> None:
    await (await sipp("call")).done()


async def test_a_stream_of_sipp_is_heard(line: Line, sipp: Run, tmp_path: Path) -> None:
    """Its packets, and its idea of time, are not those of a phone."""
    samples = b"".join(struct.pack("<h", int(9000 * sin(2 * pi * 770 * n / 8000))) for n in range(16_000))
    (tmp_path / "tone.alaw").write_bytes(audioop.lin2alaw(samples, 2))
    anna = await line.agent("anna")
    await anna.answering("at_once")
    caller = await sipp("streams", number=EXPRESS, directory=tmp_path)
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    await caller.done()


async def test_late_offer(line: Line, sipp: Run) -> None:
    await (await sipp("late_offer")).done()


@pytest.mark.parametrize(
    ("scenario", "number", "host"),
    [
        ("refused_404", "+3720000000", "127.0.0.2"),
        ("refused_403", LINE, "127.0.0.9"),
        ("refused_488", LINE, "127.0.0.2"),
        ("refused_400", LINE, "127.0.0.2"),
    ],
)
async def test_refusals(line: Line, sipp: Run, scenario: str, number: str, host: str) -> None:
    await (await sipp(scenario, number=number, host=host)).done()


async def test_everything_inside_a_dialog(line: Line, sipp: Run) -> None:
    """OPTIONS, hold in both styles, another codec, UPDATE with an offer, a late offer, refusals, after the end."""
    await (await sipp("in_dialog")).done()


@pytest.mark.slow
async def test_what_takes_a_minute(line: Line, sipp: Run) -> None:
    """Beside each other: an ACK that never comes ends in BYE; a caller who does not refresh his session is hung up; a
    refresh of ours that crosses the caller's own re-INVITE is refused with 491 and comes again."""
    begin = time.monotonic()
    ends = {"lost_ack": 32.0, "glare": 50.0, "session_timer_ends": 60.0}
    runs = [await sipp(name, number=EXPRESS, seconds=80.0) for name in ends]
    for run, seconds in zip(runs, ends.values(), strict=True):
        await run.done()
        assert time.monotonic() - begin > seconds - 1.0, "something else ended it"


async def test_session_timer_of_the_caller(line: Line, sipp: Run) -> None:
    """422, then an agreed interval, refreshed by UPDATE."""
    await (await sipp("session_timer")).done()


async def test_phone_that_rings_reliably_gets_its_prack(line: Line, sipp: Run) -> None:
    await with_agent(line, sipp, "agent_rings_reliably", "stays")


async def with_agent(line: Line, sipp: Run, scenario: str, caller: str) -> None:
    """sipp is Li's phone; another sipp calls the express number."""
    port = free_port(HOST)
    await register(line.switch.sip, HOST, port, AGENTS["li"], line.passwords["li"], 300)
    await line.switch.wait_for_agent("li", "ready", 20)
    phone = await sipp(scenario, host=HOST, port=port)
    customer = await sipp(caller, number=EXPRESS)
    await phone.done()
    await customer.done()
    await register(line.switch.sip, HOST, port, AGENTS["li"], line.passwords["li"], 0)


async def test_agent_who_rejects_is_taken_out_and_the_caller_stays(line: Line, sipp: Run) -> None:
    await with_agent(line, sipp, "agent_rejects", "stays")


async def test_ring_is_cancelled_when_the_caller_goes(line: Line, sipp: Run) -> None:
    await with_agent(line, sipp, "agent_cancelled", "stays")


async def test_answer_that_crosses_the_cancel_is_ended_with_bye(line: Line, sipp: Run) -> None:
    await with_agent(line, sipp, "agent_crosses", "stays")


async def test_agent_who_transfers_is_told_how_it_went(line: Line, sipp: Run) -> None:
    """REFER to a department: 202, NOTIFY 100 and 200, then the switch hangs up and the caller waits there."""
    port = free_port(HOST)
    await register(line.switch.sip, HOST, port, AGENTS["li"], line.passwords["li"], 300)
    await line.switch.wait_for_agent("li", "ready", 20)
    phone = await sipp("agent_refers", host=HOST, port=port)
    customer = await line.customer("+3725552105")
    await customer.dial(line.outside(EXPRESS))
    await phone.done()
    assert customer.in_call(), "he hears what that department has to say"
    await customer.hang_up()
    await register(line.switch.sip, HOST, port, AGENTS["li"], line.passwords["li"], 0)


async def watched(line: Line, lamps: int) -> None:
    """Until so many subscriptions are in the metrics."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        text = ""
        while f"softswitch_subscriptions {lamps}.0\n" not in text:
            async with session.get(f"http://{line.switch.http}/metrics") as answer:
                text = await answer.text()


async def test_lamp_of_a_colleague_follows_her_call(line: Line, sipp: Run) -> None:
    """SUBSCRIBE dialog: dark, blinking while her phone rings, lit while she talks, dark; then ended by the phone."""
    wire = await Wire.open(line.switch.sip, HOST)
    wire.send(wire.request("SUBSCRIBE", f"{AGENTS['li']}@", more="Event: dialog\r\n"))
    challenge = await wire.final()
    wire.close()
    mart = challenge, AGENTS["mart"], line.passwords["mart"], "SUBSCRIBE"
    first = login(*mart, f"sip:{AGENTS['li']}@{line.switch.sip}")
    again = login(*mart, f"sip:{line.switch.sip}", 2)
    keys = ("-key", "watcher", AGENTS["mart"], "-key", "login", first, "-key", "login_again", again)
    watcher = await sipp("lamp", number=AGENTS["li"], host=HOST, more=keys)
    await watched(line, 1)
    await with_agent(line, sipp, "agent_takes_her_time", "stays")
    await watcher.done()
    await watched(line, 0)


async def test_many_calls_leave_nothing_behind(line: Line, sipp: Run) -> None:
    runs = await asyncio.gather(*(sipp("call") for _ in range(5)))
    for run in runs:
        await run.done()
    await line.switch.wait_for("calls", lambda rows: not rows, 20, "all calls gone")
