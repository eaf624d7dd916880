"""A full house through real sockets: 503 at once, a voice on the reserved line; and who may dial what, asked live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.interop.wire import OFFER, Wire
from typer.testing import CliRunner

from softswitch.app.switch import Switch
from softswitch.call.settings import ListenSettings, OverloadSettings, Settings
from softswitch.cli.commands import app as commands
from softswitch.config import load
from softswitch.demo.ports import free_range
from softswitch.ids import QueueId

GATEWAY, CALLED = "127.0.0.2", "+3726310000"


@pytest.fixture
def settings(project: Path, tmp_path: Path, free_port: Callable[[], int]) -> Settings:
    passwords = {f"{agent}_PASSWORD": "secret-of-a-test" for agent in ("ANNA", "MART", "LI")}
    bank = load(project / "configs" / "bank", env=passwords)
    first_port, last_port = free_range(82)
    overload = OverloadSettings(calls=1, lines=1, queue=QueueId("everyday"), always=("1210",))
    return replace(
        bank,
        listen=(ListenSettings("udp", "127.0.0.1", free_port()),),
        http_port=free_port(),
        database_url=f"sqlite:///{tmp_path}/line.db",
        prompt_cache=str(tmp_path / "prompts"),
        tts="",
        call=replace(bank.call, overload=overload),
        media=replace(bank.media, port_first=first_port, port_last=last_port),
    )


async def call(switch: Switch, number: str, wires: list[Wire]) -> str:
    host, port = switch.addresses[0].local
    wire = await Wire.open(f"{host}:{port}", GATEWAY)
    wires.append(wire)
    wire.send(wire.request("INVITE", f"{number}@", body=OFFER.format(host=GATEWAY)))
    answer = await wire.final(20)
    to_tag = ";tag=" + answer.partition("\r\nTo:")[2].partition("\r\n")[0].partition(";tag=")[2]
    branch = "ack" if answer.startswith("SIP/2.0 200") else "1"
    wire.send(wire.request("ACK", f"{number}@", branch=branch, to_tag=to_tag))
    return answer


@pytest.mark.serial
async def test_a_full_house_and_the_rule_book(settings: Settings) -> None:
    switch = await Switch.start(settings)
    wires: list[Wire] = []
    try:
        inside, told, refused, lost_card = [
            await call(switch, each, wires) for each in (CALLED, CALLED, CALLED, "1210")
        ]
        waiting = len(switch.cores.calls.sessions)
        refusals = dict(switch.tally.refused)
        events = switch.tally.security["overload"]

        def ask(agent: str, number: str) -> tuple[int, str]:
            url = f"http://127.0.0.1:{settings.http_port}"
            done = CliRunner().invoke(commands, ["may-dial", agent, number, "--url", url])
            return done.exit_code, done.output

        allowed = await asyncio.to_thread(ask, "anna", "+372 631-1111")
        premium = await asyncio.to_thread(ask, "anna", "9001234")
        nobody = await asyncio.to_thread(ask, "eve", "112")
    finally:
        await switch.stop()
        for wire in wires:
            wire.close()
    assert inside.startswith("SIP/2.0 200")
    assert told.startswith("SIP/2.0 200"), "he is spoken to"
    assert refused.startswith("SIP/2.0 503")
    assert "\r\nRetry-After: 5\r\n" in refused
    assert lost_card.startswith("SIP/2.0 200"), "the number for lost cards is always let in"
    assert (waiting, refusals, events) == (2, {503: 1}, 2)
    assert (allowed[0], premium[0], nobody[0]) == (0, 1, 2)
    assert allowed[1].startswith("allowed: +3726311111 (national)")
    assert premium[1].startswith("refused: +3729001234 (premium): premium numbers are forbidden [line.yaml:")
