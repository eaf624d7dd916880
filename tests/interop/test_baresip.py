"""baresip against the real switch: registration, calls with audio both ways, hold, keys."""

from __future__ import annotations

import asyncio
import signal

import pytest

from .conftest import AGENTS, EXPRESS, LINE, Line

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(("transport", "codec"), [("udp", "pcmu"), ("udp", "pcma"), ("tcp", "pcma"), ("tls", "pcmu")])
async def test_call_with_audio_both_ways(line: Line, transport: str, codec: str) -> None:
    anna = await line.agent("anna", transport=transport)
    row = (await line.switch.look("registrations"))[0]
    assert (row["agent"], row["transport"]) == ("anna", transport)
    customer = await line.customer("+3725551001")
    await customer.order("account", user="+3725551001", domain=line.outside("x").partition("@")[2], codecs=codec)
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)
    await line.switch.wait_for_agent("anna", "ready", 20)


async def test_agent_hangs_up_first(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725551002")
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    await anna.hang_up()
    await customer.expect("ended", after=0, seconds=20)


async def test_hold_and_resume_from_either_side(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725551003")
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await anna.expect("talking", after=0, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    for holder in (anna, customer):
        # While one side holds, it takes no audio and sends none; afterwards both hear each other again.
        await holder.order("hold")
        held = await holder.expect("sdp", after=0, seconds=20)
        assert held
        resumed = await holder.order("resume")
        await customer.hears_tone(440, after=0, since=resumed["at"] + 0.2, seconds=20)
        await anna.hears_tone(770, after=0, since=resumed["at"] + 0.2, seconds=20)
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)


async def test_keys_reach_the_menu(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725551004")
    await anna.answering("at_once")
    await customer.dial(line.outside(LINE))
    await customer.expect("hearing", after=0, seconds=20)
    await customer.press("1")  # lost card
    await anna.expect("talking", after=0, seconds=20)
    rows = await line.switch.look("calls")
    assert [row["queue"] for row in rows] == ["fraud"]
    await customer.hang_up()


async def test_keys_between_the_parties_pass_through(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725551005")
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    await customer.press("7")
    await anna.expect("key", after=0, seconds=20, where=lambda event: event["digit"] == "7")
    await customer.hang_up()


async def test_wrong_password_and_unknown_user_are_refused_alike(line: Line) -> None:
    answers = []
    for user in (AGENTS["anna"], "4711"):
        phone = await line.phone()
        reply = await phone.register(user, "no-such-word", line.switch.sip)
        answers.append((reply["registered"], reply["status"], reply["reason"]))
    assert answers[0] == answers[1]
    assert answers[0][0] is False
    assert answers[0][1] in (401, 403)


async def test_caller_gives_up_while_the_agent_rings(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725551006")
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("incoming", after=0, seconds=20)
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)
    await line.switch.wait_for_agent("anna", "ready", 20)


async def test_phone_that_rejects_sends_the_caller_on(line: Line) -> None:
    anna = await line.agent("anna")
    mart = await line.agent("mart")
    customer = await line.customer("+3725551007")
    await anna.answering("reject")
    await mart.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    await mart.expect("talking", after=0, seconds=20)
    assert anna.since(0, "incoming")
    await customer.hang_up()


async def test_two_phones_of_one_agent_ring_and_the_first_answer_wins(line: Line) -> None:
    first = await line.agent("anna")
    second = await line.agent("anna", "pjsua")
    customer = await line.customer("+3725551008")
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    for phone in (first, second):
        await phone.expect("incoming", after=0, seconds=20)
    await second.order("answer")
    talking = await second.expect("talking", after=0, seconds=20)
    await first.expect("ended", after=0, seconds=20)
    await second.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hang_up()
    await second.expect("ended", after=0, seconds=20)
    await line.switch.wait_for_agent("anna", "ready", 20)


async def test_the_certificate_is_read_again_on_sighup(line: Line) -> None:
    process, log = line.switch._process, line.switch.log
    assert process is not None
    before = log.read_text().count("certificate read")
    process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(20):
        while log.read_text().count("certificate read") == before:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await line.agent("anna", transport="tls")


async def test_an_agent_on_ipv6_and_a_caller_on_ipv4(line: Line) -> None:
    """SIP and audio of hers go over IPv6; the caller knows nothing of it."""
    phone = await line.rack.phone("six", program=("-m", "softswitch.demo.phone", "--host", "::1"))
    assert (await phone.register(AGENTS["anna"], line.passwords["anna"], line.ip6))["registered"]
    await line.switch.wait_for_agent("anna", "ready", 20)
    assert [row["remote"].partition("]")[0] for row in await line.switch.look("registrations")] == ["[::1"]
    customer = await line.customer("+3725551009")
    await phone.tone(440)
    await customer.tone(770)
    await phone.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await phone.expect("talking", after=0, seconds=20)
    await phone.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    await customer.hang_up()
    await phone.expect("ended", after=0, seconds=20)
    # and the other way round: her phone makes the offer, and she hears that her break has begun
    mark = phone.mark()
    await phone.dial(f"sip:*14@{line.ip6}")
    await phone.expect("hearing", after=mark, seconds=20)
    await phone.expect("ended", after=mark, seconds=20)
    await line.switch.wait_for_agent("anna", "break", 20)


async def test_a_caller_who_is_not_heard_is_shown_until_he_is(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725551010")
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    process = customer._process
    process.send_signal(signal.SIGSTOP)
    try:
        words = "the caller is not heard"
        await line.switch.wait_for("calls", lambda rows: "caller not heard" in rows[0]["silent"], 20, words)
    finally:
        process.send_signal(signal.SIGCONT)
    await line.switch.wait_for("calls", lambda rows: rows[0]["silent"] == "", 20, "the caller is heard again")
    assert "nothing is heard of a leg" in line.switch.log.read_text()
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)
