"""The real switch, as a process, for phones of other makers; one for the whole session."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.certificates import Authority

from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.gateway import Gateway
from softswitch.demo.phones import Handset, Rack
from softswitch.demo.ports import free_port
from softswitch.demo.switch import HOST, Ports, Switch, new_password

SIPP_FILES = Path(__file__).parent / "sipp"
PJSUA = (str(Path(__file__).parent / "pjsua_phone.py"),)
LINE, EXPRESS = "+3726310000", "1210"  # of configs/bank: the menu, and straight into the queue `fraud`
AMOUNT = "1299"  # a number of the tests: says an amount that is keyed in
AMOUNT_FLOW = """flow: amount
steps:
  - collect: amount
    say: { en: "One moment." }
    digits: 1..6
  - say: { en: "Your balance is {amount:money EUR}" }
"""
AGENTS = {"anna": "1001", "mart": "1002", "li": "1003", "safe": "1004", "careful": "1005", "keen": "1006"}
ENCRYPTION = {"safe": "required", "careful": "optional", "keen": "dtls"}  # of agents that the bank does not have
SIPP_SECONDS = 60.0
KAMAILIO_NETWORK = "127.0.0.4"  # where Kamailio serves the telephone network: an address of the trunk


@dataclass
class Sipp:
    """One run of sipp; `done` gives its log when it failed."""

    process: asyncio.subprocess.Process
    errors: Path
    screen: Path

    seconds: float = SIPP_SECONDS

    async def done(self) -> None:
        status = await asyncio.wait_for(self.process.wait(), self.seconds)
        if status:
            text = self.errors.read_text() if self.errors.exists() else self.screen.read_text()[-2000:]
            pytest.fail(f"sipp exited with {status}:\n{text[-3000:]}")


@dataclass(frozen=True)
class WebSide:
    """What a browser's phone needs: the address of its page, and where it finds the switch."""

    page: str
    switch: str
    certificate: Path
    key: Path


class Line:
    """The switch, the gateway, and phones to be had."""

    def __init__(
        self, switch: Switch, gateway: Gateway, rack: Rack, passwords: dict[str, str], web: WebSide, ip6: str
    ) -> None:
        self.switch = switch
        self.ip6 = ip6  # its address for SIP over IPv6
        self.web = web
        self.gateway = gateway
        self.rack = rack
        self.passwords = passwords
        self.phones = 0
        self.runs: list[Sipp] = []

    def _name(self, kind: str) -> str:
        self.phones += 1
        return f"{kind}{self.phones}"

    async def phone(self, kind: str = "baresip", port: int = 0) -> Handset:
        if kind == "pjsua":
            return await self.rack.phone(self._name(kind), port=port, program=PJSUA)
        return await self.rack.phone(self._name(kind), port=port, trace="TRACE_PHONES" in os.environ)

    async def agent(self, agent: str, kind: str = "baresip", **details: object) -> Handset:
        """A phone that is registered as this agent; she is ready."""
        phone = await self.phone(kind)
        server = f"{HOST}:{self.switch.ports.tls}" if details.get("transport") == "tls" else self.switch.sip
        reply = await phone.register(AGENTS[agent], self.passwords[agent], server, **details)
        assert reply["registered"], reply
        await self.switch.wait_for_agent(agent, "ready", 20)
        return phone

    async def customer(self, number: str, kind: str = "baresip", **details: object) -> Handset:
        """A phone in the public network, behind the gateway."""
        port = free_port(HOST)
        phone = await self.phone(kind, port)
        self.gateway.numbers[number] = (HOST, port)
        await phone.order("account", user=number, domain=f"{GATEWAY_HOST}:{self.gateway.port}", **details)
        return phone

    def outside(self, number: str) -> str:
        return f"sip:{number}@{GATEWAY_HOST}:{self.gateway.port}"

    async def sipp(
        self,
        scenario: str,
        *,
        number: str = LINE,
        host: str = GATEWAY_HOST,
        port: int = 0,
        seconds: float = SIPP_SECONDS,
        more: tuple[str, ...] = (),
        directory: Path | None = None,
    ) -> Sipp:
        """Start sipp on one of our scenarios, once; `directory` has the files that it plays."""
        name = self._name(scenario)
        port = port or free_port(host)
        errors, screen = self.rack.directory / f"{name}.errors", self.rack.directory / f"{name}.screen"
        media = free_port(host, 4)  # sipp takes those of a video beside it
        with screen.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *("sipp", self.switch.sip, "-sf", str(SIPP_FILES / f"{scenario}.xml"), "-m", "1", "-nostdin"),
                *("-i", host, "-p", str(port), "-mi", host, "-mp", str(media)),
                *("-s", number, "-key", "caller", self.caller(), "-trace_err", "-error_file", str(errors)),
                *("-timeout", f"{seconds:g}s", "-timeout_error", *more),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "TERM": "dumb"},
                cwd=directory,
            )
        run = Sipp(process, errors, screen, seconds)
        self.runs.append(run)
        return run

    async def end_break(self, agent: str) -> None:
        url = f"http://{self.switch.http}/api/v1/agents/{agent}/ready"
        async with aiohttp.ClientSession() as session, session.post(url) as answer:
            assert answer.status == 200, await answer.text()

    def caller(self) -> str:
        """The number of the newest sipp caller; each has its own."""
        return f"+372555{self.phones:05d}"

    async def reset(self) -> None:
        """After each test: nobody on a break, all phones gone, nobody registered, no call left."""
        for row in await self.switch.look("agents"):
            if row["state"] == "break":
                await self.end_break(row["agent"])
        for run in self.runs:
            if run.process.returncode is None:
                run.process.kill()
                await run.process.wait()
        self.runs.clear()
        await self.rack.close()
        self.gateway.numbers.clear()  # the next phone on such a port is somebody else
        await self.switch.wait_for("registrations", lambda rows: not rows, 20, "all registrations gone")
        await self.switch.wait_for("calls", lambda rows: not rows, 20, "all calls gone")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    directory = tmp_path_factory.mktemp("line")
    switch = Switch(directory, Ports())
    passwords = {agent: new_password() for agent in AGENTS}
    switch.prepare({f"{agent.upper()}_PASSWORD": word for agent, word in passwords.items()})
    switch.edit("line.yaml", ("trunks", "pstn", "from"), f"[{GATEWAY_HOST}, {KAMAILIO_NETWORK}]")
    for agent, word in ENCRYPTION.items():
        person = f"{{ name: {agent}, extension: {AGENTS[agent]}, password: {{ env: {agent.upper()}_PASSWORD }}, "
        person += f"queues: [fraud], skills: {{ cards: 3 }}, encryption: {word} }}"
        switch.edit("people.yaml", ("agents", agent), person)
    switch.edit("queues.yaml", ("queues", "fraud", "ring"), "4s")
    switch.edit("queues.yaml", ("queues", "fraud", "wrap_up"), "0s")
    switch.edit("queues.yaml", ("queues", "fraud", "nobody_there"), "wait")
    switch.edit("line.yaml", ("media", "silence"), "{ alarm: 2s, mend: false, end: 3m }")  # sipp has none
    switch.edit("line.yaml", ("media", "in_band_digits"), "always")  # no test's tone but a key's is one
    switch.edit("line.yaml", ("media", "codecs"), "[pcmu, pcma, g722, opus]")
    switch.edit("line.yaml", ("media", "address6"), "'::1'")
    if shutil.which("espeak-ng"):
        switch.edit("line.yaml", ("numbers", AMOUNT), "{ flow: amount, language: en }")
        (switch.config / "flows" / "amount.yaml").write_text(AMOUNT_FLOW)
        with (switch.config / "line.yaml").open("a") as line_yaml:
            line_yaml.write("\nspeech: { values: whole }\n")
    authority = Authority(directory)
    certificate, key = authority.issue("switch", HOST)
    page = f"https://{HOST}:{free_port(HOST)}"
    with (switch.config / "line.yaml").open("a") as line_yaml:
        line_yaml.write(f"\ntls: {{ certificate: {certificate}, key: {key} }}\nweb_phones: {{ origins: ['{page}'] }}\n")
    ip6 = f"[::1]:{free_port(HOST)}"
    switch.more_listen = (f"wss://{HOST}:{free_port(HOST)}", f"tls://{HOST}:{switch.ports.tls}", f"udp://{ip6}")
    async with Gateway((HOST, switch.ports.sip), {}) as gateway, Rack(directory) as rack:
        rack.authorities = authority.certificate
        await gateway.start(switch.ports.gateway)
        try:
            await switch.start()
            web = WebSide(page, switch.more_listen[0], certificate, key)
            yield Line(switch, gateway, rack, passwords, web, ip6)
        finally:
            await switch.close()


@pytest_asyncio.fixture(loop_scope="session")
async def line(running: Line) -> AsyncIterator[Line]:
    yield running
    await running.reset()


@pytest.fixture
def sipp(line: Line) -> Callable[..., object]:
    if shutil.which("sipp") is None:
        if os.environ.get("CI"):
            pytest.fail("sipp is missing (Debian: apt-get install sip-tester)")
        pytest.skip("sipp is not installed (Debian: apt-get install sip-tester)")
    return line.sipp
