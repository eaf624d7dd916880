"""Telephone keys in both directions, with phones of two makers: as tones, by RFC 4733 and by INFO."""

from __future__ import annotations

import aiohttp
import pytest

from softswitch.demo.phones import Event, Handset

from .conftest import EXPRESS, LINE, Line

pytest.importorskip("pjsua2")
pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


async def keys(phone: Handset, wanted: str) -> str:
    """The keys that this phone was told of, once they are as many as `wanted`."""

    def enough(_: Event) -> bool:
        return len(phone.since(0, "key")) >= len(wanted)

    await phone.expect("key", after=0, seconds=20, where=enough)
    return "".join(event["digit"] for event in phone.since(0, "key"))


async def test_keys_as_tones_lead_through_the_menu(line: Line) -> None:
    anna = await line.agent("anna")
    customer = await line.customer("+3725552011", "pjsua")
    await anna.answering("at_once")
    await customer.dial(line.outside(LINE))
    await customer.expect("hearing", after=0, seconds=20)
    await customer.order("sound_keys", keys="1")
    await anna.expect("talking", after=0, seconds=20)
    assert [row["queue"] for row in await line.switch.look("calls")] == ["fraud"]
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)


@pytest.mark.parametrize("kind", ["pjsua", "baresip"])
async def test_a_phone_is_pressed_keys(line: Line, kind: str) -> None:
    """By order from outside, and by her: her phone tells its keys by INFO, his has events."""
    anna = await line.agent("anna", "pjsua")
    customer = await line.customer("+3725552012", kind)
    await anna.tone(440)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    await anna.expect("talking", after=0, seconds=20)
    await customer.expect("talking", after=0, seconds=20)
    (call,) = await line.switch.look("calls")
    url = f"http://{line.switch.http}/api/v1/calls/{call['call']}/keys"
    async with aiohttp.ClientSession() as session, session.post(url, json={"keys": "1355#"}) as answer:
        assert answer.status == 200, await answer.text()
    await anna.order("press", keys="7", method="info")
    assert sorted(await keys(customer, "1355#7")) == sorted("1355#7")
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)
