"""What a caller keys in at a secret step is found nowhere afterwards, whichever way his phone tells its keys.

A switch of its own with everything on that writes: the log down to the last debug line, the journal, the mirror of SIP
messages, the database. Each caller keys in a number that may be known, which has to be found (so those who look do
see), and a PIN, which must not be. Then one more is in the middle of a PIN when the switch is killed.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from softswitch.cli.ladder import ladder
from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.gateway import Gateway
from softswitch.demo.phones import Handset, Rack
from softswitch.demo.ports import free_port
from softswitch.demo.switch import HOST, Ports, Switch

from .conftest import PJSUA, Line

pytest.importorskip("pjsua2")
pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "1296"
FLOW = """flow: identify
steps:
  - collect: customer_number
    say: { en: "One moment." }
    digits: 8
  - collect: pin
    secret: true
    say: { en: "One moment." }
    digits: 10
  - queue: fraud
    because: identified
"""
# way of the keys -> what may be known, what must not
KEYED = {
    "rtp": ("52840317", "9174062853"),
    "info": ("36195072", "8051947263"),
    "tones": ("70462918", "6392718405"),
}
HALF = ("18350694", "742869153")  # of him who is cut off: a PIN without its last key
DEBUG = """
import logging, structlog
logging.basicConfig(level=logging.DEBUG)
make = structlog.make_filtering_bound_logger
structlog.make_filtering_bound_logger = lambda level: make(logging.DEBUG)
"""
LOOKS = (
    *("healthz", "metrics", "api/v1/calls", "api/v1/queues", "api/v1/agents", "api/v1/escalations"),
    *("api/v1/registrations", "api/v1/promises", "api/v1/trunks", "api/v1/bans", "api/v1/supervision"),
    *("api/v1/consults", "api/v1/recordings", "api/v1/dialling"),
)
_ALONE = re.compile(rb"(?<![0-9A-Za-z.])([0-9])(?![0-9A-Za-z.])")
_INFO = re.compile(rb"signal\s*=\s*[0-9#A-D]|(?:digit|key)s?[\"']?\s*[:= (]\s*[\"']?[0-9#]\b", re.IGNORECASE)


def _most_of(secret: str) -> tuple[str, ...]:
    return secret, secret[:-1], secret[1:]


def traces(secret: str, data: bytes) -> list[str]:
    """How this secret shows in these bytes: but for one key, key by key, or as anything that tells single keys."""
    shapes = [(text, (text.encode(), text.encode("utf-16-le"), bytes(map(int, text)))) for text in _most_of(secret)]
    found = [text for text, written in shapes if any(shape in data for shape in written)]
    single = b"".join(_ALONE.findall(data)).decode()
    found += [f"one by one: {secret}" for step in (1, 2, 3) for at in range(step) if secret in single[at::step]]
    return found + [match[0].decode(errors="replace") for match in _INFO.finditer(data)]


@dataclass
class House:
    """The switch, and what it said outside of its directory."""

    switch: Switch
    gateway: Gateway
    rack: Rack
    mirrored: list[bytes] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def came(self, message: bytes) -> None:
        self.mirrored.append(message)
        self.more.set()

    async def keys_by_info(self, number: int, seconds: float) -> None:
        """Wait until so many have come to the switch."""
        async with asyncio.timeout(seconds):
            while sum(b"application/dtmf-relay" in message for message in self.mirrored) < number:
                self.more.clear()
                await self.more.wait()

    async def caller(self, way: str) -> Handset:
        port = free_port(HOST)
        phone = await self.rack.phone(f"caller-{way}", port=port, program=PJSUA)
        number = f"+372555300{len(self.gateway.numbers)}"
        self.gateway.numbers[number] = (HOST, port)
        await phone.order("account", user=number, domain=f"{GATEWAY_HOST}:{self.gateway.port}")
        return phone

    async def dial(self, phone: Handset) -> None:
        mark = phone.mark()
        await phone.dial(f"sip:{NUMBER}@{GATEWAY_HOST}:{self.gateway.port}")
        await phone.expect("hearing", after=mark, seconds=20)

    async def press(self, phone: Handset, way: str, keys: str) -> None:
        if way == "tones":
            await phone.order("sound_keys", keys=keys)
        else:
            await phone.order("press", keys=keys, method=way)

    def written(self) -> dict[str, bytes]:
        """Every file that the switch has made: log, database and what belongs to it, journal."""
        here = self.switch.directory
        files = [path for path in here.rglob("*") if path.is_file() and self.switch.config not in path.parents]
        return {str(path.relative_to(here)): path.read_bytes() for path in files}

    async def told(self) -> dict[str, bytes]:
        """Every answer of its API, and the trace of every call in each of its forms."""
        answers: dict[str, bytes] = {}
        async with aiohttp.ClientSession(f"http://{self.switch.http}/") as session:

            async def look(path: str, wanted: bool = True) -> None:
                async with session.get(path) as answer:
                    assert answer.status == (200 if wanted else answer.status), (path, await answer.text())
                    answers[path] = await answer.read()

            for path in LOOKS:
                await look(path)
            for call in json.loads(answers["api/v1/calls"])["calls"]:
                trace = f"api/v1/calls/{call['call']}/trace"
                for path in (trace, trace + "?format=pcapng"):
                    await look(path)
                await look(f"api/v1/interactions/{call['interaction']}/why", wanted=bool(call["queue"]))
                answers["ladder of " + call["call"]] = str(ladder(json.loads(answers[trace])["messages"])).encode()
        return answers


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: Line, tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "switch").mkdir()
    switch = Switch(tmp_path / "switch", Ports())
    collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    collector.bind((HOST, 0))
    collector.setblocking(False)
    switch.prepare({"ANNA_PASSWORD": "a-password", "MART_PASSWORD": "b-password", "LI_PASSWORD": "c-password"})
    switch.edit("line.yaml", ("prompts", "cache"), json.dumps(str(running.switch.directory / "prompts")))
    switch.edit("line.yaml", ("trunks", "pstn", "from"), f"[{GATEWAY_HOST}]")
    switch.edit("line.yaml", ("media", "in_band_digits"), "always")
    switch.edit("line.yaml", ("numbers", NUMBER), "{ flow: identify, language: en }")
    switch.edit("queues.yaml", ("queues", "fraud", "nobody_there"), "wait")
    (switch.config / "flows" / "identify.yaml").write_text(FLOW)
    with (switch.config / "line.yaml").open("a") as line_yaml:
        line_yaml.write(f"\nmirror: {{ to: {HOST}:{collector.getsockname()[1]}, id: 7 }}\n")
    (tmp_path / "debug").mkdir()
    (tmp_path / "debug" / "sitecustomize.py").write_text(DEBUG)
    path = ":".join([str(tmp_path / "debug"), *(entry for entry in sys.path if entry)])
    switch.environment |= {"PYTHONASYNCIODEBUG": "1", "PYTHONPATH": path}
    async with Gateway((HOST, switch.ports.sip), {}) as gateway, Rack(tmp_path) as rack:
        await gateway.start(switch.ports.gateway)
        made = House(switch, gateway, rack)
        loop = asyncio.get_running_loop()
        loop.add_reader(collector.fileno(), lambda: made.came(collector.recv(65536)))
        try:
            await switch.start()
            yield made
        finally:
            loop.remove_reader(collector.fileno())
            collector.close()
            await switch.close()


async def test_what_is_keyed_in_secretly_is_found_nowhere(house: House) -> None:
    switch = house.switch
    phones = dict(zip(KEYED, await asyncio.gather(*(house.caller(way) for way in KEYED)), strict=True))

    async def goes_through(way: str) -> None:
        await house.dial(phones[way])
        await house.press(phones[way], way, "".join(KEYED[way]))  # the PIN is typed ahead

    await asyncio.gather(*(goes_through(way) for way in KEYED))
    calls = await switch.wait_for(
        "calls", lambda rows: sum(row["queue"] == "fraud" for row in rows) == len(KEYED), 8, "all identified"
    )
    assert len(calls) == len(KEYED)
    told = await house.told()
    for way, (known, _) in KEYED.items():
        row = await switch.wait_for_row(
            "SELECT entered FROM queue_entry WHERE entered LIKE ?", f"%{known}%", seconds=20, wish=f"number ({way})"
        )
        assert known in row["entered"]

    # one more, who has one key left when the switch is killed
    await phones["info"].hang_up()
    await house.dial(phones["info"])
    await house.press(phones["info"], "info", "".join(HALF))
    await house.keys_by_info(len("".join(HALF)) + len("".join(KEYED["info"])), 3)
    told |= {f"{path} (before it is killed)": answer for path, answer in (await house.told()).items()}
    await switch.kill()

    written = house.written()
    assert any(name.endswith(".journal") for name in written) and {"line.db", "line.db-wal", "switch.log"} <= {*written}
    assert b"debug" in written["switch.log"].lower()
    everything = {**written, **told, "mirror": b"\n".join(house.mirrored)}
    assert any(KEYED["rtp"][0].encode() in data for data in written.values())  # what may be known is there
    for secret in (*(pin for _, pin in KEYED.values()), HALF[1]):
        leaks = {name: found for name, data in everything.items() if (found := traces(secret, data))}
        assert not leaks, (secret, leaks)


@pytest.mark.parametrize(
    "line",
    [
        b'{"entered": {"pin": "9174062853"}}',
        b"INFO ...\r\n\r\nSignal=9\r\nDuration=160",
        b"DigitReceived(leg=4, digit='9', duration_ms=100)",
        b"\n".join(b'{"event": "pressed", "what": "%c", "leg": 77}' % each for each in b"9174062853"),
        b"\x00\x09\x01\x07\x04\x00\x06\x02\x08\x05\x03",
        b"the first ones: 917406285",
    ],
)
async def test_those_who_look_see(line: bytes) -> None:
    assert traces("9174062853", b"something before\n" + line + b"\nand behind")
