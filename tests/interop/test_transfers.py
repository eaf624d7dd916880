"""Transfers by phones of other makers, heard by tones: blind, attended, refused and back."""

from __future__ import annotations

import pytest

from .conftest import AGENTS, EXPRESS, Line

pytest.importorskip("pjsua2")
pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


def sip_of(line: Line, number: str) -> str:
    return f"sip:{number}@{line.switch.sip}"


async def test_pjsua_blind_to_a_colleague(line: Line) -> None:
    anna = await line.agent("anna", "pjsua")
    customer = await line.customer("+3725552101")
    await anna.answering("at_once")
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    mart = await line.agent("mart")
    await mart.tone(560)
    await mart.answering("at_once")
    await anna.order("transfer", to=sip_of(line, AGENTS["mart"]))
    talking = await mart.expect("talking", after=0, seconds=20)
    await anna.expect("transfer", after=0, seconds=20, where=lambda event: event["status"] == 200)
    await anna.expect("ended", after=0, seconds=20)
    await mart.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(560, after=0, since=talking.at, seconds=20)
    await line.switch.wait_for_agent("mart", "talking", 20)
    await mart.hang_up()
    await customer.expect("ended", after=0, seconds=20)


async def test_pjsua_blind_refused_and_back(line: Line) -> None:
    anna = await line.agent("anna", "pjsua")
    customer = await line.customer("+3725552102")
    await anna.answering("at_once")
    await anna.tone(440)
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    mart = await line.agent("mart")
    await mart.answering("reject")
    await anna.order("transfer", to=sip_of(line, AGENTS["mart"]))
    failed = await anna.expect("transfer", after=0, seconds=20, where=lambda event: event["final"])
    assert failed["status"] in (486, 603)
    await anna.hears_tone(770, after=0, since=failed.at + 0.2, seconds=20)
    await customer.hears_tone(440, after=0, since=failed.at + 0.2, seconds=20)
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)


async def test_baresip_blind_to_a_department(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725552104")
    await anna.answering("at_once")
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    mart = await line.agent("mart")
    await mart.tone(560)
    await mart.answering("at_once")
    await anna.order("transfer", to=sip_of(line, "fraud"))  # fails unless the phone is told that it went well
    await anna.expect("ended", after=0, seconds=20)
    talking = await mart.expect("talking", after=0, seconds=20)
    await mart.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(560, after=0, since=talking.at, seconds=20)
    await customer.hang_up()
    await mart.expect("ended", after=0, seconds=20)


async def test_pjsua_watches_a_colleague(line: Line) -> None:
    anna = await line.agent("anna", "pjsua")
    await anna.order("watch", who=sip_of(line, AGENTS["mart"]))
    await anna.expect("buddy", after=0, seconds=20, where=lambda event: not event["there"])
    mark = anna.mark()
    await line.agent("mart")
    await anna.expect("buddy", after=mark, seconds=20, where=lambda event: event["there"])


async def test_pjsua_attended(line: Line) -> None:
    anna = await line.agent("anna", "pjsua")
    customer = await line.customer("+3725552103")
    await anna.answering("at_once")
    await anna.tone(440)
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    mart = await line.agent("mart")
    await mart.tone(560)
    await mart.answering("at_once")
    mark = anna.mark()
    await anna.order("consult", to=sip_of(line, AGENTS["mart"]))
    both = await anna.expect("talking", after=mark, seconds=20)
    await mart.hears_tone(440, after=0, since=both.at, seconds=20)
    joined = mart.mark()
    await anna.order("join")
    told = await anna.expect("transfer", after=0, seconds=20, where=lambda event: event["final"])
    assert told["status"] == 200
    await mart.hears_tone(770, after=0, since=told.at + 0.2, seconds=20)
    await customer.hears_tone(560, after=0, since=told.at + 0.2, seconds=20)
    await line.switch.wait_for_agent("mart", "talking", 20)
    await customer.hang_up()
    await mart.expect("ended", after=joined, seconds=20)


async def test_an_agent_transfers_a_colleague(line: Line) -> None:
    """Blind, out of a call between two agents."""
    anna = await line.agent("anna", "pjsua")
    mart, third = await line.agent("mart"), await line.agent("li")
    await mart.tone(560)
    await third.tone(770)
    await mart.answering("at_once")
    await third.answering("at_once")
    await anna.dial(sip_of(line, AGENTS["mart"]))
    await anna.expect("talking", after=0, seconds=20)
    await anna.order("transfer", to=sip_of(line, AGENTS["li"]))
    talking = await third.expect("talking", after=0, seconds=20)
    await anna.expect("transfer", after=0, seconds=20, where=lambda event: event["status"] == 200)
    await anna.expect("ended", after=0, seconds=20)
    await third.hears_tone(560, after=0, since=talking.at, seconds=20)
    await mart.hears_tone(770, after=0, since=talking.at, seconds=20)
    await third.hang_up()
    await mart.expect("ended", after=0, seconds=20)
