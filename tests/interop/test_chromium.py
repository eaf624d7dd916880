"""An agent in a real browser: JsSIP in Chromium, SIP over WSS, audio by ICE, DTLS and SRTP."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from .chromium import Browser, Trouble
from .conftest import AGENTS, EXPRESS, Line
from .test_media_lost import media_process

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def browser(line: Line, tmp_path: Path) -> AsyncIterator[Browser]:
    async with contextlib.aclosing(Browser(tmp_path)) as one:
        try:
            await one.open(line.web.page, line.web.certificate, line.web.key, 440)
        except Trouble as trouble:
            pytest.skip(str(trouble))
        yield one


async def test_an_agent_in_the_browser_gets_the_caller(line: Line, browser: Browser) -> None:
    await browser.ask(f"start('{line.web.switch}/sip', '{AGENTS['anna']}', '{line.passwords['anna']}')")
    await browser.until("seen.includes('registered')")
    await line.switch.wait_for_agent("anna", "ready", 20)
    customer = await line.customer("+3725558001")
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await browser.until("seen.includes('audio connected')")
    began = (await customer.order("tone", hertz=770))["at"]
    await browser.hears(770)
    await customer.hears_tone(440, after=0, since=began + 0.2, seconds=20)
    # keys of the browser (RFC 4733) pass through to the other side
    await browser.ask("call.sendDTMF('5', {transportType: 'RFC2833'}), 1")
    await customer.expect("key", after=0, seconds=20, where=lambda event: event["digit"] == "5")
    # hold and resume
    await browser.ask("call.hold(), 1")
    await browser.until("seen.includes('hold by local')")
    await browser.until("call.unhold()")  # false as long as the hold is not answered
    await browser.until("seen.includes('unhold by local')")
    resumed = (await customer.order("tone", hertz=880))["at"]
    await browser.hears(880)
    await customer.hears_tone(440, after=0, since=resumed + 0.2, seconds=20)
    await browser.ask("call.terminate(), 1")
    await customer.expect("ended", after=0, seconds=20)
    await line.switch.wait_for_agent("anna", "ready", 20)
    # now she calls: her browser makes the offer, and she hears that her break has begun
    await browser.ask("seen.length = 0, analyser = null, dial('*14'), 1")
    await browser.until("seen.includes('audio connected') && pitch()[1] > -60")
    await browser.until("seen.some(word => word.startsWith('ended'))")
    await line.switch.wait_for_agent("anna", "break", 20)
    await browser.ask("agent.stop(), 1")


async def test_the_media_process_is_killed_under_a_call_of_the_browser(line: Line, browser: Browser) -> None:
    """An ICE restart with the certificate of the next one."""
    await browser.ask(f"start('{line.web.switch}/sip', '{AGENTS['anna']}', '{line.passwords['anna']}')")
    await browser.until("seen.includes('registered')")
    await line.switch.wait_for_agent("anna", "ready", 20)
    customer = await line.customer("+3725558002")
    await customer.tone(770)
    await customer.dial(line.outside(EXPRESS))
    await browser.until("seen.includes('audio connected')")
    await browser.hears(770)
    mark = customer.mark()
    os.kill(media_process(line), signal.SIGKILL)
    await customer.expect("sdp", after=mark, seconds=20)
    changed = (await customer.order("tone", hertz=880))["at"]
    await browser.hears(880)
    await customer.hears_tone(440, after=0, since=changed + 0.2, seconds=20)
    await browser.ask("call.terminate(), 1")
    await customer.expect("ended", after=0, seconds=20)
    await browser.ask("agent.stop(), 1")
