"""Signed calls through real sockets: a gateway, the whole switch, and a certificate host with TLS."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import create_engine, text
from tests.interop.wire import OFFER, Wire
from tests.runtime.test_certificate_fetch import host_certificate
from tests.sip.stir_signer import Party, auth_list, identity, make, spc

from softswitch.app.switch import Switch
from softswitch.call.settings import ListenSettings, Settings
from softswitch.config import load
from softswitch.demo.ports import free_range
from softswitch.sip.stir_messages import StirPolicy, StirSettings

GATEWAY, CALLER, CALLED = "127.0.0.2", "37255599999", "+3726310000"
ALWAYS = (-4000.0, 4000.0)


@asynccontextmanager
async def certificates(context: ssl.SSLContext, pem: bytes) -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        if request.path != "/a.pem":
            await asyncio.Event().wait()
        return web.Response(body=pem)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def with_stir(project: Path, tmp_path: Path, free_port: Callable[[], int], stir: StirSettings) -> Settings:
    passwords = {f"{agent}_PASSWORD": "secret-of-a-test" for agent in ("ANNA", "MART", "LI")}
    bank = load(project / "configs" / "bank", env=passwords)
    first_port, last_port = free_range(82)
    trunks = tuple(replace(trunk, stir=StirPolicy(missing="refuse", failed="tell")) for trunk in bank.sip.trunks)
    return replace(
        bank,
        listen=(ListenSettings("udp", "127.0.0.1", free_port()),),
        http_port=free_port(),
        database_url=f"sqlite:///{tmp_path}/line.db",
        prompt_cache=str(tmp_path / "prompts"),
        tts="",
        sip=replace(bank.sip, trunks=trunks, stir=stir),
        media=replace(bank.media, port_first=first_port, port_last=last_port),
    )


async def call(switch: Switch, signer: Party, url: str | None, number: str = CALLER) -> tuple[str, float]:
    """The final answer to a call, and how long it took."""
    host, port = switch.addresses[0].local
    wire = await Wire.open(f"{host}:{port}", GATEWAY)
    more = f"Date: {formatdate(time.time(), usegmt=True)}\r\n"
    if url is not None:
        claims = {"iat": int(time.time()), "orig": {"tn": number}}
        more += f"Identity: {identity(signer, url=url, claims=claims)}\r\n"
    began = time.monotonic()
    wire.send(wire.request("INVITE", f"{CALLED}@", more=more, body=OFFER.format(host=GATEWAY)))
    answer = await wire.final(20)
    took = time.monotonic() - began
    if answer.startswith("SIP/2.0 200"):
        to_tag = ";tag=" + answer.partition("\r\nTo:")[2].partition("\r\n")[0].partition(";tag=")[2]
        wire.send(wire.request("ACK", f"{CALLED}@", branch="ack", to_tag=to_tag))
        wire.send(wire.request("BYE", f"{CALLED}@", cseq=2, branch="bye", to_tag=to_tag))
        await wire.final()
    wire.close()
    return answer, took


@pytest.mark.serial
async def test_calls_with_and_without_a_good_signature(
    project: Path, tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make("root", ca=True, days=ALWAYS)
    signer = make("carrier", root, tn=auth_list(spc("1234")), days=ALWAYS)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with certificates(host_certificate(tmp_path), signer.pem) as port:
        here = f"https://127.0.0.1:{port}"
        stir = StirSettings(root.pem, (f"127.0.0.1:{port}",), "372")
        switch = await Switch.start(with_stir(project, tmp_path, free_port, stir))
        try:
            good, _ = await call(switch, signer, f"{here}/a.pem")
            other, _ = await call(switch, signer, f"{here}/a.pem", "37255500000")
            listed, _ = await call(switch, signer, "https://evil.example/a.pem")
            late, took = await call(switch, signer, f"{here}/never.pem")
            without, _ = await call(switch, signer, None)
            results = dict(switch.tally.identities)
        finally:
            await switch.stop()
    assert good.startswith("SIP/2.0 200")
    assert "\r\nReason:" not in good
    for answer, code in ((other, 438), (listed, 436), (late, 436)):
        assert answer.startswith("SIP/2.0 200")
        assert f"\r\nReason: STIR;cause={code};" in answer
    assert 0.9 < took < 2.5, "a call waits for a certificate, but not for long"
    assert without.startswith("SIP/2.0 428 ")
    assert results == {"verified A": 1, "failed 438": 1, "failed 436": 2}
    with create_engine(f"sqlite:///{tmp_path}/line.db").connect() as database:
        rows = database.execute(text("SELECT identity, count(*) FROM interaction GROUP BY identity")).all()
    assert {str(row[0]): row[1] for row in rows} == results
