"""A whole switch with phones in browsers: register, ring, refuse, all over the one WebSocket."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.app.test_switch import call, gateway, running, settings
from tests.certificates import Authority
from tests.web_phone import WebPhone, web_phone

from softswitch.app.switch import Switch
from softswitch.call.settings import ListenSettings, Settings, TlsSettings
from softswitch.ids import AgentId

__all__ = ["gateway", "settings"]  # fixtures


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


def rows(switch: Switch) -> list[tuple[str, str]]:
    return [(row.agent, row.transport) for row in switch.live.registrations()]


async def rung(phone: WebPhone, switch: Switch, gateway: socket.socket) -> None:
    """A caller of the express number makes this phone ring; it is busy. Everything stays on its connection."""
    answered = asyncio.create_task(call(gateway, switch, "1210"))
    invite = await phone.get("INVITE")
    assert invite.start == f"INVITE {phone.contact} SIP/2.0"
    assert invite.get("Via").startswith(f"SIP/2.0/{phone.via} 127.0.0.1:")
    # RFC 7118 5.2.2: the URI parameter is "ws" for both.
    assert invite.get("Contact").endswith(";transport=ws>")
    await phone.answer(invite, 180)
    await phone.answer(invite, 486)
    await phone.get("ACK")
    await answered


async def test_phones_over_ws_and_wss(
    settings: Settings, gateway: socket.socket, free_port: Callable[[], int], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("switch", "127.0.0.1")
    plain, secure = (ListenSettings(kind, "127.0.0.1", free_port()) for kind in ("ws", "wss"))
    tls = TlsSettings(str(certificate), str(key))
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    realm, password = settings.sip.realm, "secret-of-a-test"
    call_settings = replace(settings.call, encryption_of_agents={"anna": "none"})  # no browser: its audio is plain
    line = replace(settings, listen=(*settings.listen, plain, secure), tls=tls, call=call_settings)
    async with running(line) as switch:
        known, guard = switch.edges.transport.connections.house.known, switch.cores.stack.guard
        assert (known("127.0.0.1"), known("203.0.113.9")) == (True, False)
        guard.proven("203.0.113.9", switch.clock.now())
        assert known("203.0.113.9")
        async with web_phone(f"ws://127.0.0.1:{plain.port}/sip", "1001", password, realm) as anna:
            answer = await anna.register()
            assert anna.contact in answer.get("Contact")
            assert "received=127.0.0.1" in answer.get("Via")
            await until(lambda: rows(switch) == [("anna", "ws")])
            async with web_phone(f"wss://127.0.0.1:{secure.port}/sip", "1001", password, realm, trust) as again:
                await again.register()
                await until(lambda: rows(switch) == [("anna", "ws"), ("anna", "wss")])
                await anna.register(expires=0)
                await until(lambda: rows(switch) == [("anna", "wss")])
                await rung(again, switch, gateway)
        # RFC 5626 5.3: with the connection its contacts go; nobody is ready for calls any more.
        await until(lambda: rows(switch) == [])
        agent = next(one for one in switch.live.agents() if one.agent == AgentId("anna"))
        assert not agent.registered
