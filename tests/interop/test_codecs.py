"""Codecs with real phones: G.722 and Opus as they are, and transcoded where two phones have none in common.

The list of the line begins with G.711 here, so whoever has that gets it: the other codecs come into use by phones that
have nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from softswitch.demo.phones import Handset

from .chromium import Browser, Trouble
from .conftest import AGENTS, EXPRESS, Line

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


async def agent_with(line: Line, codecs: str, kind: str = "baresip") -> Handset:
    phone = await line.phone(kind)
    details: dict[str, Any] = {"user": AGENTS["anna"], "password": line.passwords["anna"], "domain": line.switch.sip}
    reply = await phone.order("account", register=True, codecs=codecs, **details)
    assert reply["registered"], reply
    await line.switch.wait_for_agent("anna", "ready", 20)
    return phone


async def spoken(line: Line) -> str:
    """What `softswitch calls` says of the only call."""
    (row,) = await line.switch.look("calls")
    return str(row["audio"])


@pytest.mark.parametrize(
    ("kind", "customers", "agents", "said"),
    [
        ("baresip", "g722", "g722", "G722"),
        ("baresip", "opus", "opus,pcma", "OPUS"),  # the caller's codec leads, so nothing is transcoded
        ("baresip", "opus", "pcmu", "OPUS, agent PCMU"),
        ("pjsua", "g722", "pcma", "G722, agent PCMA"),
        ("pjsua", "pcma", "opus", "PCMA, agent OPUS"),
    ],
)
async def test_both_hear_each_other(line: Line, kind: str, customers: str, agents: str, said: str) -> None:
    """`kind` is the customer's phone."""
    anna = await agent_with(line, agents)
    customer = await line.customer("+3725559001", kind, codecs=customers)
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at + 0.3, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at + 0.3, seconds=20)
    assert await spoken(line) == said
    # keys of the one reach the other, whatever the clocks of their events
    await customer.press("7")
    await anna.expect("key", after=0, seconds=20, where=lambda event: event["digit"] == "7")
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)


@pytest_asyncio.fixture(loop_scope="session")
async def browser(line: Line, tmp_path: Path) -> AsyncIterator[Browser]:
    async with contextlib.aclosing(Browser(tmp_path)) as one:
        try:
            await one.open(line.web.page, line.web.certificate, line.web.key, 440)
        except Trouble as trouble:
            pytest.skip(str(trouble))
        yield one


@pytest.mark.parametrize(("codec", "said"), [("opus", "OPUS"), ("pcma", "PCMA, agent OPUS")])
async def test_a_browser_with_opus(line: Line, browser: Browser, codec: str, said: str) -> None:
    await browser.ask("only = 'opus|telephone-event/48000', 1")  # of our offer it sees nothing else
    await browser.ask(f"start('{line.web.switch}/sip', '{AGENTS['anna']}', '{line.passwords['anna']}')")
    await browser.until("seen.includes('registered')")
    await line.switch.wait_for_agent("anna", "ready", 20)
    customer = await line.customer("+3725559002", codecs=codec)
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await browser.until("seen.includes('audio connected')")
    began = (await customer.order("tone", hertz=770))["at"]
    await browser.hears(770)
    await customer.hears_tone(440, after=0, since=began + 0.2, seconds=20)
    assert await spoken(line) == said
    await browser.ask("call.sendDTMF('5', {transportType: 'RFC2833'}), 1")
    await customer.expect("key", after=0, seconds=20, where=lambda event: event["digit"] == "5")
    await browser.ask("call.terminate(), 1")
    await customer.expect("ended", after=0, seconds=20)
    await browser.ask("agent.stop(), 1")
