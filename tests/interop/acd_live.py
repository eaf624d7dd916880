"""A line of its own for the ACD with real phones: short times, four queues, three agents, two customers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from softswitch.call.prompts import PromptCatalog
from softswitch.call.settings import Settings
from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.gateway import Gateway
from softswitch.demo.listen import Prompt
from softswitch.demo.phones import Event, Handset, Rack
from softswitch.demo.ports import free_port
from softswitch.demo.switch import HOST, Ports, Switch, new_password
from softswitch.demo.voice import Voice
from softswitch.ids import QueueId
from softswitch.ivr.messages import Say
from softswitch.runtime.prompt_library import build_catalog

AGENTS = {"anna": "1001", "mart": "1002", "li": "1003"}
CONFIG = """
line: {{ name: Live, languages: [en], timezone: UTC, domain: 127.0.0.1 }}
media: {{ address: 127.0.0.1, ports: {first}..{last}, silence: {{ alarm: off }} }}  # no phone here sends audio
prompts: {{ cache: "{cache}" }}
trunks: {{ pstn: {{ from: [127.0.0.2], to: "127.0.0.2:{gateway}" }} }}
numbers:
  "+3726310000": {{ queue: everyday }}
  "200": {{ queue: loans }}
  "300": {{ queue: back }}
  "400": {{ queue: together }}
  "500": {{ queue: told }}
call_back: {{ trunk: pstn, show: "+3726310000" }}
dialling: {{ allow: [ {{ who: call_backs, to: [national, mobile, other] }} ] }}
agents:
  anna:
    {{ name: Anna Tamm, extension: 1001, password: {{ env: ANNA_PASSWORD }}, queues: [everyday, back, together, told] }}
  mart: {{ name: Mart Kask, extension: 1002, password: {{ env: MART_PASSWORD }}, queues: [everyday, loans, together] }}
  li: {{ name: Li Wei, extension: 1003, password: {{ env: LI_PASSWORD }}, queues: [supervisors] }}
teams: {{ day: {{ agents: [anna, mart], supervisor: li }} }}
queues:
  told: {{ name: Lost card, tell_agent: "{{queue}}, waited {{waiting}}.", wrap_up: 0s, sticky: off }}
  everyday:
    ring: 3s
    wrap_up: 2s
    usual_talk: 10s
    code: "1"
    sticky:
      counts_as_previous: {{ talked_at_least: 1s, or: [ticket_owner] }}
      call_back: {{ within: 5m, retry: 1s }}
    passes: {{ at_most: 1, then: {{ queue: supervisors, because: passed on too often }} }}
  loans:
    ring: 3s
    wrap_up: 0s
    code: "2"
    lost_callers: call_back
    call_back: {{ within: 5m, retry: 1s }}
    sticky: {{ counts_as_previous: {{ talked_at_least: 1h }} }}
    passes: {{ at_most: 1, then: {{ queue: supervisors, because: passed on too often }} }}
  supervisors: {{ wrap_up: 0s, sticky: off }}
  back:
    wrap_up: 0s
    sticky: off
    call_back: {{ first: customer, within: 5m, retry: 1s }}
    while_waiting: {{ keys: {{ "1": call_back }} }}
  together: {{ ring_at_once: all, ring: 5s, wrap_up: 0s, sticky: off }}
"""


class LiveSwitch(Switch):
    """The switch on this line instead of the bank."""

    def prepare(self, passwords: dict[str, str]) -> None:
        self.config.mkdir()
        first, last = self.ports.rtp
        cache = self.directory / "prompts"
        text = CONFIG.format(first=first, last=last, cache=cache, gateway=self.ports.gateway)
        (self.config / "line.yaml").write_text(text, encoding="utf-8")
        self.environment = passwords

    async def order(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = f"http://{self.http}/api/v1/{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
            return answer.status, await answer.json()

    async def set_agent(self, agent: str, action: str) -> None:
        status, answer = await self.order("POST", f"agents/{agent}/{action}")
        assert status == 200, answer

    async def call_of(self, number: str, state: str, seconds: float = 20.0) -> dict[str, Any]:
        """The call of this customer, as soon as it is in this state."""

        def so(rows: list[dict[str, Any]]) -> bool:
            return any(row["caller"] == number and row["state"] == state for row in rows)

        rows = await self.wait_for("calls", so, seconds, f"the call of {number} {state}")
        return next(row for row in rows if row["caller"] == number and row["state"] == state)


class Floor:
    """Everybody's phones, registered once; each test leaves them as it found them."""

    def __init__(self, switch: LiveSwitch, gateway: Gateway, rack: Rack, passwords: dict[str, str]) -> None:
        self.switch = switch
        self.gateway = gateway
        self.rack = rack
        self.passwords = passwords
        self.agents: dict[str, Handset] = {}
        self.one, self.other = "+3725552001", "+3725552002"
        self.phones: dict[str, Handset] = {}
        self.settings: Settings
        self.catalog: PromptCatalog

    async def open(self) -> None:
        agents = asyncio.gather(*(self._agent(name) for name in AGENTS))
        customers = asyncio.gather(*(self._customer(number) for number in (self.one, self.other)))
        self.agents = dict(zip(AGENTS, await agents, strict=True))
        self.phones = dict(zip((self.one, self.other), await customers, strict=True))
        self.settings = self.switch.settings()
        self.catalog = await build_catalog(self.settings)

    async def _agent(self, name: str) -> Handset:
        phone = await self.rack.phone(name)
        await self.register(name, phone)
        return phone

    async def register(self, name: str, phone: Handset) -> None:
        reply = await phone.register(AGENTS[name], self.passwords[name], self.switch.sip)
        assert reply["registered"], reply
        await self.switch.wait_for_agent(name, "ready", 20)

    async def _customer(self, number: str) -> Handset:
        """A phone in the public network, behind the gateway."""
        port = free_port(HOST)
        phone = await self.rack.phone(f"customer{number[-1]}", port=port)
        self.gateway.numbers[number] = (HOST, port)
        await phone.order("account", user=number, domain=f"{GATEWAY_HOST}:{self.gateway.port}")
        return phone

    async def tidy(self) -> None:
        for phone in (*self.phones.values(), *self.agents.values()):
            if phone.in_call():
                await phone.hang_up()
        await self.switch.wait_for("calls", lambda rows: not rows, 20, "all calls gone")
        for name, phone in self.agents.items():
            await phone.answering("at_once")
            if (await self.switch.agent(name))["state"] != "ready":
                await self.switch.set_agent(name, "ready")
        for phone in self.phones.values():
            await phone.answering("at_once")

    async def free(self, agent: str) -> None:
        """As soon as her talk is over she is ready, whether her wrap-up is seen or has passed in the meantime."""

        def so(rows: list[dict[str, Any]]) -> bool:
            return any(row["agent"] == agent and row["state"] in ("wrap-up", "ready") for row in rows)

        await self.switch.wait_for("agents", so, 20, f"{agent} free")
        await self.switch.order("POST", f"agents/{agent}/ready")  # refused when she is so already
        await self.switch.wait_for_agent(agent, "ready", 20)

    def prompt(self, say: Say) -> Prompt:
        """Its first piece: enough to know it by."""
        voice = Voice.__new__(Voice)
        voice.settings, voice._catalog, voice._cache = self.settings, self.catalog, Path(self.settings.prompt_cache)
        voice.queue, voice.number = QueueId("everyday"), "+3726310000"
        voice.language = "en"
        return voice.prompt(say.texts["en"], Say({"en": say.texts["en"].partition("{")[0]}))

    async def dial(self, number: str, dialled: str = "+3726310000") -> Handset:
        """The switch answers every customer at once."""
        phone = self.phones[number]
        mark = phone.mark()
        await phone.dial(f"sip:{dialled}@{GATEWAY_HOST}:{self.gateway.port}")
        answered = await phone.expect("talking", "ended", after=mark, seconds=20)
        assert answered["event"] == "talking", answered
        return phone

    async def talks(self, number: str, agent: str, dialled: str = "+3726310000") -> Event:
        """This customer calls, and this agent talks with him."""
        mark = self.agents[agent].mark()
        await self.dial(number, dialled)
        talking = await self.agents[agent].expect("talking", after=mark, seconds=20)
        row = await self.switch.call_of(number, "talking")
        assert row["agent"] == agent
        return talking


@contextlib.asynccontextmanager
async def opened(directory: Path, kind: type[LiveSwitch] = LiveSwitch) -> AsyncIterator[Floor]:
    """The line and its phones; nothing of it stays behind, however far it came."""
    switch = kind(directory, Ports())
    passwords = {agent: new_password() for agent in AGENTS}
    switch.prepare({f"{agent.upper()}_PASSWORD": word for agent, word in passwords.items()})
    async with Gateway((HOST, switch.ports.sip), {}) as gateway, Rack(directory) as rack:
        await gateway.start(switch.ports.gateway)
        floor = Floor(switch, gateway, rack, passwords)
        try:
            await switch.start()
            await floor.open()
            yield floor
        finally:
            await switch.close()
