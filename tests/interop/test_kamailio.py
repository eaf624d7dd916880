"""Kamailio in front of the switch: phones that register and are called through it, and a trunk behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from softswitch.demo.ports import free_port

from .conftest import EXPRESS, KAMAILIO_NETWORK, LINE, Line

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
PHONES = "127.0.0.3"  # where it serves phones; nothing is known of this address
CONFIGURATION = Path(__file__).parent / "kamailio.cfg"


@dataclass
class Proxy:
    phones: str
    network: str

    @property
    def outbound(self) -> str:
        """For the account of a phone."""
        return f'outbound="sip:{self.phones}"'


async def listening(address: str) -> None:
    """Until it answers OPTIONS, with anything."""
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.setblocking(False)
        ours.bind(("127.0.0.1", 0))
        me = f"127.0.0.1:{ours.getsockname()[1]}"
        for number in range(150):
            text = (
                f"OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bKo{number}\r\nMax-Forwards: 0\r\n"
                f"From: <sip:t@t>;tag=t\r\nTo: <sip:{address}>\r\nCall-ID: o{number}\r\nCSeq: 1 OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            ours.sendto(text.encode(), (host, int(port)))
            try:
                async with asyncio.timeout(0.2):
                    await loop.sock_recv(ours, 2000)
                return
            except (TimeoutError, OSError):
                continue
    raise AssertionError(f"nothing answers at {address}")


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(line: Line, tmp_path: Path) -> AsyncIterator[Proxy]:
    program = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("kamailio is missing (Debian: apt-get install kamailio)")
        pytest.skip("kamailio is not installed (Debian: apt-get install kamailio)")
    made = Proxy(f"{PHONES}:{free_port(PHONES)}", f"{KAMAILIO_NETWORK}:{free_port(KAMAILIO_NETWORK)}")
    text = CONFIGURATION.read_text(encoding="utf-8").replace("NETWORK_HOST", KAMAILIO_NETWORK)
    text = text[text.index("debug=") :]  # without what is said of it
    for word, value in (("PHONES", made.phones), ("NETWORK", made.network), ("SWITCH", line.switch.sip)):
        text = text.replace(word, value)
    written = tmp_path / "kamailio.cfg"
    written.write_text(f"#!KAMAILIO\n{text}", encoding="utf-8")
    log = (tmp_path / "kamailio.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(program, "-DD", "-E", "-f", str(written), "-m", "32", "-M", "4"),
        *("-Y", str(tmp_path), "-P", str(tmp_path / "pid"), "-w", str(tmp_path)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        await listening(made.phones)
        yield made
        await line.reset()  # phones take their registrations back through the proxy
    except AssertionError:
        pytest.fail((tmp_path / "kamailio.log").read_text(errors="replace")[-2000:])
    finally:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 20)
        with contextlib.suppress(ProcessLookupError):  # it forks
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        log.close()


async def peers(line: Line, call: str) -> dict[str, set[str]]:
    """With whom the switch spoke in a call: methods and statuses by peer."""
    async with aiohttp.ClientSession() as http, http.get(f"http://{line.switch.http}/api/v1/calls/{call}/trace") as got:
        document: dict[str, Any] = await got.json()
    found: dict[str, set[str]] = {}
    for message in document["messages"]:
        found.setdefault(message["peer"].removeprefix("udp:"), set()).add(message["label"].split(" ")[0])
    return found


async def test_a_phone_behind_a_proxy_is_called_over_its_path(line: Line, proxy: Proxy) -> None:
    anna = await line.agent("anna", extra=proxy.outbound)
    row = (await line.switch.look("registrations"))[0]
    assert (row["agent"], row["remote"], row["through"]) == ("anna", proxy.phones, f"sip:{proxy.phones};lr")
    customer = await line.customer("+3725553001")
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    call = (await line.switch.look("calls"))[0]["call"]
    await customer.hang_up()
    await anna.expect("ended", after=0, seconds=20)
    await line.switch.wait_for_agent("anna", "ready", 20)
    said = await peers(line, call)
    assert {"INVITE", "ACK", "BYE"} <= said[proxy.phones], "every request of the dialog goes through the proxy"
    assert len(said) == 2, said


async def test_a_phone_calls_through_the_proxy(line: Line, proxy: Proxy) -> None:
    anna = await line.agent("anna", extra=proxy.outbound)
    await anna.dial(f"sip:{LINE}@{line.switch.sip}")
    await anna.expect("hearing", after=0, seconds=20)
    await anna.hang_up()
    await line.switch.wait_for("calls", lambda rows: not rows, 20, "the call gone")


async def test_a_trunk_call_through_the_proxy(line: Line, proxy: Proxy) -> None:
    anna = await line.agent("anna")
    number = "+3725553002"
    customer = await line.phone()
    await customer.order("account", user=number, domain=proxy.network)
    await anna.tone(440)
    await customer.tone(770)
    await anna.answering("at_once")
    await customer.dial(f"sip:{EXPRESS}@{proxy.network}")
    talking = await anna.expect("talking", after=0, seconds=20)
    await anna.hears_tone(770, after=0, since=talking.at, seconds=20)
    await customer.hears_tone(440, after=0, since=talking.at, seconds=20)
    row = (await line.switch.look("calls"))[0]
    assert row["caller"] == number
    await anna.hang_up()  # our BYE follows the Record-Route
    await customer.expect("ended", after=0, seconds=20)
    assert {"INVITE", "ACK", "BYE"} <= (await peers(line, row["call"]))[proxy.network]
