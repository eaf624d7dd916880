"""pjsua2 against the real switch, as agent and as customer."""

from __future__ import annotations

import pytest

from .conftest import EXPRESS, LINE, Line

pytest.importorskip("pjsua2")
pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_pjsua_agent_and_baresip_customer(line: Line, transport: str) -> None:
    anna = await line.agent("anna", "pjsua", transport=transport)
    customer = await line.customer("+3725552001")
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    # Hold and resume by re-INVITE: afterwards both hear each other again.
    mark = anna.mark()
    await anna.order("hold")
    await anna.expect("media", after=mark, seconds=20)
    mark = anna.mark()
    await anna.order("resume")
    resumed = await anna.expect("media", after=mark, seconds=20, where=lambda event: event["status"] == 1)
    await customer.hears_tone(440, after=0, since=resumed.at + 0.2, seconds=20)
    await anna.hang_up()
    await customer.expect("ended", after=0, seconds=20)


@pytest.mark.parametrize("method", ["rtp", "info"])
async def test_pjsua_customer_presses_keys(line: Line, method: str) -> None:
    """By RFC 4733 and by SIP INFO."""
    anna = await line.agent("anna")
    customer = await line.customer("+3725552002", "pjsua")
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(LINE))
    await customer.expect("hearing", after=0, seconds=20)
    await customer.order("press", keys="1", method=method)
    talking = await anna.expect("talking", after=0, seconds=20)
    assert [row["queue"] for row in await line.switch.look("calls")] == ["fraud"]
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)


async def test_pjsua_wrong_password(line: Line) -> None:
    phone = await line.phone("pjsua")
    reply = await phone.register("1001", "no-such-word", line.switch.sip)
    assert not reply["registered"]
    assert reply["status"] in (401, 403)
