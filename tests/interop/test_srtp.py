"""Phones that encrypt, by SDES or DTLS, against the real switch, with audio both ways."""

from __future__ import annotations

import pytest

from .conftest import EXPRESS, LINE, Line

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


async def both_hear(line: Line, agent, customer, number: str = EXPRESS) -> None:  # type: ignore[no-untyped-def]
    await agent.tone(440)
    await customer.tone(770)
    await agent.answering("at_once")
    await customer.dial(line.outside(number))
    talking = await agent.expect("talking", after=0, seconds=20)
    await agent.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)


async def test_baresip_encrypts_both_calls_it_gets_and_calls_it_makes(line: Line) -> None:
    agent = await line.agent("safe", extra="mediaenc=srtp-mand")
    customer = await line.customer("+3725557001", extra="mediaenc=srtp-mand")
    await both_hear(line, agent, customer)
    # Hold and resume: the keys stay.
    await agent.order("hold")
    await agent.expect("sdp", after=0, seconds=20)
    resumed = await agent.order("resume")
    await customer.hears_tone(440, after=0, since=resumed["at"] + 0.2, seconds=20)
    await agent.hears_tone(770, after=0, since=resumed["at"] + 0.2, seconds=20)
    await customer.hang_up()
    await agent.expect("ended", after=0, seconds=20)


async def test_pjsua_agent_encrypts_and_the_customer_does_not(line: Line) -> None:
    pytest.importorskip("pjsua2")
    agent = await line.agent("safe", "pjsua", srtp="mandatory")
    customer = await line.customer("+3725557002")
    await both_hear(line, agent, customer)
    mark = agent.mark()
    await agent.order("hold")
    await agent.expect("media", after=mark, seconds=20)
    mark = agent.mark()
    await agent.order("resume")
    resumed = await agent.expect("media", after=mark, seconds=20, where=lambda event: event["status"] == 1)
    await customer.hears_tone(440, after=0, since=resumed.at + 0.2, seconds=20)
    await agent.hears_tone(770, after=0, since=resumed.at + 0.2, seconds=20)
    await agent.hang_up()
    await customer.expect("ended", after=0, seconds=20)


async def test_keys_pressed_on_an_encrypted_phone(line: Line) -> None:
    """The agent's phone is offered RTP/AVP with keys and answers without: it does not encrypt."""
    agent = await line.agent("careful")
    customer = await line.customer("+3725557004", "pjsua", srtp="mandatory")
    await agent.answering("at_once")
    await customer.dial(line.outside(LINE))
    await customer.expect("hearing", after=0, seconds=20)
    await customer.press("1")
    talking = await agent.expect("talking", after=0, seconds=20)
    await customer.tone(770)
    await agent.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hang_up()
    await agent.expect("ended", after=0, seconds=20)


async def test_baresip_agrees_on_keys_by_dtls_in_both_roles(line: Line) -> None:
    agent = await line.agent("keen", extra="mediaenc=dtls_srtp")
    customer = await line.customer("+3725557006", extra="mediaenc=dtls_srtp")
    await both_hear(line, agent, customer)
    await agent.order("hold")
    await agent.expect("sdp", after=0, seconds=20)
    resumed = await agent.order("resume")
    await customer.hears_tone(440, after=0, since=resumed["at"] + 0.2, seconds=20)
    await agent.hears_tone(770, after=0, since=resumed["at"] + 0.2, seconds=20)
    await customer.hang_up()
    await agent.expect("ended", after=0, seconds=20)
