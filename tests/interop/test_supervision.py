"""Supervisors in talks, with real phones that speak a tone each: who hears whom, measured in what each heard."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from softswitch.demo.listen import RATE, Heard, Recording
from softswitch.demo.phones import Handset
from softswitch.ivr.messages import Say

from .acd_live import AGENTS, Floor, opened

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
CUSTOMER, AGENT, BOSS = 770, 440, 1230
TONES = (CUSTOMER, AGENT, BOSS)
WINDOW = 4000  # samples: half a second, whole periods of all of them


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    async with opened(tmp_path_factory.mktemp("supervision")) as floor:
        yield floor


@pytest_asyncio.fixture(loop_scope="session")
async def floor(house: Floor) -> AsyncIterator[Floor]:
    await house.tidy()
    await house.switch.set_agent("mart", "break")
    await house.phones[house.one].tone(CUSTOMER)
    await house.agents["anna"].tone(AGENT)
    await house.agents["li"].tone(BOSS)
    yield house


async def hears(phone: Handset, *tones: int, mark: int = 0, seconds: float = 20.0) -> None:
    """Wait until this phone hears exactly these tones for half a second, each at about the level of its phone."""
    since = time.monotonic()
    turns = np.arange(WINDOW) / RATE * 2j * np.pi

    def look(recording: Recording) -> Heard | None:
        samples = recording.since(since).samples
        if len(samples) < WINDOW:
            return None
        last = samples[-WINDOW:]
        levels = {tone: float(abs(np.dot(last, np.exp(tone * turns))) * 2 / WINDOW) for tone in TONES}
        exact = all((0.15 < level < 0.35) if tone in tones else level < 0.02 for tone, level in levels.items())
        return Heard(since, since) if exact else None

    await phone._listen(look, f"exactly {tones} Hz of {TONES}", mark, seconds)


async def test_listen_whisper_barge_and_out(floor: Floor) -> None:
    anna, li, customer = floor.agents["anna"], floor.agents["li"], floor.phones[floor.one]
    await floor.talks(floor.one, "anna")
    mark = li.mark()
    order = {"supervisor": "li", "agent": "anna", "part": "listen"}
    assert (await floor.switch.order("POST", "supervision", order))[0] == 200
    await li.expect("talking", after=mark, seconds=20)
    await hears(li, CUSTOMER, AGENT, mark=mark)
    await hears(anna, CUSTOMER)
    await hears(customer, AGENT)
    await li.press("5")
    await hears(anna, CUSTOMER, BOSS)
    await hears(customer, AGENT)
    assert (await floor.switch.order("PATCH", "supervision/li", {"part": "barge"}))[0] == 200
    await hears(customer, AGENT, BOSS)
    await hears(anna, CUSTOMER, BOSS)
    await hears(li, CUSTOMER, AGENT, mark=mark)
    await li.hang_up()
    await hears(customer, AGENT)
    await hears(anna, CUSTOMER)
    assert (await floor.switch.order("GET", "supervision"))[1] == {"supervision": []}
    assert anna.in_call() and customer.in_call()


async def test_by_his_phone_and_her_talk_ends(floor: Floor) -> None:
    anna, li, customer = floor.agents["anna"], floor.agents["li"], floor.phones[floor.one]
    await floor.talks(floor.one, "anna")
    mark = li.mark()
    await li.dial(f"sip:*22{AGENTS['anna']}@{floor.switch.sip}")
    await li.expect("talking", after=mark, seconds=20)
    await hears(customer, AGENT, BOSS)
    await customer.hang_up()
    await li.expect("ended", after=mark, seconds=20)
    assert not anna.in_call() or await anna.expect("ended", after=0, seconds=20)


async def test_she_is_told_who_it_is_before_he_hears_her(floor: Floor) -> None:
    anna, customer = floor.agents["anna"], floor.phones[floor.one]
    mark = anna.mark()
    await floor.dial(floor.one, "500")
    talking = await anna.expect("talking", after=mark, seconds=20)
    said = floor.prompt(Say({"en": "Lost card, waited "}))
    heard = await anna.hears_prompt(said, after=mark, since=talking.at, seconds=20, part=0.5)
    bridged = await anna.hears_tone(CUSTOMER, after=mark, since=heard.ended, seconds=20)
    assert bridged.began >= heard.ended - 0.1
    await customer.hears_tone(AGENT, after=0, since=bridged.began, seconds=20)


async def test_three_in_a_call(floor: Floor) -> None:
    anna, li, customer = floor.agents["anna"], floor.agents["li"], floor.phones[floor.one]
    await floor.talks(floor.one, "anna")
    mark = li.mark()
    assert (await floor.switch.order("POST", "consults", {"agent": "anna", "to": AGENTS["li"]}))[0] == 200
    await li.expect("talking", after=mark, seconds=20)
    await hears(li, AGENT, mark=mark)
    await hears(anna, BOSS)
    await anna.press("1")
    await hears(customer, AGENT, BOSS)
    await hears(anna, CUSTOMER, BOSS)
    await hears(li, CUSTOMER, AGENT, mark=mark)
    await anna.hang_up()
    await hears(customer, BOSS)
    await hears(li, CUSTOMER, mark=mark)
    await floor.switch.wait_for_agent("li", "talking", 20)
    await customer.hang_up()
    await li.expect("ended", after=mark, seconds=20)
