"""A whole switch in this process, with a gateway that is a socket: what is left when it stops, what is there again."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from softswitch.acd import messages as acd
from softswitch.acd.journal import Replay, Segment
from softswitch.app import dialling
from softswitch.app.dialling import DialDesk
from softswitch.app.survivors import Survivors
from softswitch.app.switch import Switch
from softswitch.call.dial_settings import Caps
from softswitch.call.errors import StartError
from softswitch.call.records import AgentRecord, DialRecord, PromiseOpened, StoredContact
from softswitch.call.settings import ListenSettings, Settings
from softswitch.config import load
from softswitch.demo.ports import free_range
from softswitch.ids import AgentId, InteractionId, LegId, PromiseId, QueueId
from softswitch.media.negotiation import make_offer
from softswitch.runtime import media_house
from softswitch.runtime.journal import files_of
from softswitch.runtime.media_house import MediaHouse, directory_of
from softswitch.store.store import Store
from softswitch.web.views import PastError

GATEWAY = "127.0.0.2"


@pytest.fixture
def settings(project: Path, tmp_path: Path, free_port: Callable[[], int]) -> Settings:
    """The demo bank on ports of its own."""
    passwords = {f"{agent}_PASSWORD": "secret-of-a-test" for agent in ("ANNA", "MART", "LI")}
    bank = load(project / "configs" / "bank", env=passwords)
    first_port, last_port = free_range(82)
    return replace(
        bank,
        listen=(ListenSettings("udp", "127.0.0.1", free_port()),),
        http_port=free_port(),
        database_url=f"sqlite:///{tmp_path}/line.db",
        prompt_cache=str(tmp_path / "prompts"),
        tts="",
        media=replace(bank.media, port_first=first_port, port_last=last_port),
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Switch]:
    switch = await Switch.start(settings)
    try:
        yield switch
    finally:
        await switch.stop()


@pytest.fixture
def gateway() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((GATEWAY, 0))
        one.setblocking(False)
        yield one


async def call(gateway: socket.socket, switch: Switch, number: str = "+3726310000") -> None:
    """A call from the gateway, up to its ACK."""
    address = switch.addresses[0].local
    port = gateway.getsockname()[1]
    sdp = make_offer(GATEWAY, 40_000, 1, 1, ("PCMU",)).sdp
    common = (
        f"From: <sip:+3725550001@{GATEWAY}>;tag=one\r\nCall-ID: one\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:gateway@{GATEWAY}:{port}>\r\n"
    )

    def request(method: str, branch: str, to_tag: str, body: bytes) -> bytes:
        head = (
            f"{method} sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {GATEWAY}:{port};branch=z9hG4bK{branch}\r\n"
            f"To: <sip:{number}@127.0.0.1>{to_tag}\r\nCSeq: 1 {method}\r\n{common}"
        )
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        await loop.sock_sendto(gateway, request("INVITE", "invite", "", sdp), address)
        answer = ""
        while not answer.startswith("SIP/2.0 200"):
            answer = (await loop.sock_recv(gateway, 65_535)).decode()
    to = next(line for line in answer.split("\r\n") if line.startswith("To:"))
    await loop.sock_sendto(gateway, request("ACK", "ack", to.partition(">")[2], b""), address)


def rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


async def test_calls_that_are_up_when_it_stops_have_their_cdr_lines(settings: Settings, gateway: socket.socket) -> None:
    async with running(settings) as switch:
        await call(gateway, switch)
    assert rows(settings, "SELECT direction, ended_by, status, answered_at IS NOT NULL FROM call_detail") == [
        ("in", "us", 200, 1)
    ]


async def test_a_carrier_is_left_when_it_stops(settings: Settings, gateway: socket.socket) -> None:
    """Its registration is taken back; a carrier that says nothing to that holds nobody up."""
    loop = asyncio.get_running_loop()

    async def asked(start: str, wanted: str) -> tuple[list[str], tuple[str, int]]:
        """The lines of the next message that begins like this and has this line."""
        while True:
            data, address = await loop.sock_recvfrom(gateway, 65_535)
            lines = data.decode().split("\r\n")
            if lines[0].startswith(start) and wanted in lines:
                return lines, address

    host, port = gateway.getsockname()
    trunk = replace(
        settings.sip.trunks[0], host=host, port=port, username="bank", password="x", realm="carrier", register=True
    )
    async with asyncio.timeout(60):
        async with running(replace(settings, sip=replace(settings.sip, trunks=(trunk,)))) as switch:
            lines, address = await asked("REGISTER", "Expires: 600")
            kept = [each for each in lines if each.startswith(("Via", "From", "To", "Call-ID", "CSeq", "Contact"))]
            ok = "\r\n".join(["SIP/2.0 200 OK", *kept, "Expires: 600", "Content-Length: 0", "", ""])
            await loop.sock_sendto(gateway, ok.encode(), address)
            ping = (
                f"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKping\r\n"
                "From: <sip:x@x>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            await loop.sock_sendto(gateway, ping.encode(), address)
            await asked("SIP/2.0 200", "Call-ID: ping")  # by then it has taken the 200, too
            assert switch.cores.stack.carriers[str(trunk.id)].registered
            began = time.monotonic()
        await asked("REGISTER", "Expires: 0")
        assert time.monotonic() - began < 25


def contact(agent: str, transport: str = "udp") -> StoredContact:
    """A live registration; over TCP from behind a NAT, whose connection the last life took with it."""
    return StoredContact(
        AgentId(agent), f"sip:{agent}@10.9.8.7:5060", transport, ("127.0.0.1", 5060), ("127.0.0.3", 50_000),
        "call-id", 1, time.time() + 600, 1.0, "",
    )  # fmt: skip


def line(agent: str, state: acd.AgentState, deadline: float | None = None, reason: str = "") -> AgentRecord:
    return AgentRecord(AgentId(agent), state.value, reason, time.time() - 60, deadline, False)


async def remember(
    settings: Settings, contacts: list[StoredContact], lines: list[AgentRecord], *promises: PromiseOpened
) -> None:
    store = Store(settings.database_url)
    await store.open()
    for one in contacts:
        await store.save_contacts(one.agent, (one,))
    for each in (*lines, *promises):
        await store.append_durable(each)
    await store.close()


def states(switch: Switch) -> dict[str, tuple[str, str]]:
    return {shot.id: (shot.state.value, shot.reason) for shot in switch.cores.engine.agents()}


async def test_agents_come_back_as_they_were(settings: Settings) -> None:
    until = time.time() + 600
    await remember(
        settings,
        [contact("anna"), contact("mart"), contact("li")],
        [
            line("anna", acd.AgentState.WRAP_UP, until),
            line("mart", acd.AgentState.TALKING),
            line("li", acd.AgentState.BREAK, reason="lunch"),
        ],
    )
    async with running(settings) as switch:
        assert states(switch) == {"anna": ("wrap-up", ""), "mart": ("ready", ""), "li": ("break", "lunch")}
        (anna,) = (shot for shot in switch.cores.engine.agents() if shot.id == "anna")
        assert anna.deadline is not None
        assert abs(switch.clock.wall(anna.deadline) - until) < 1  # however long the start took


async def test_an_agent_whose_phone_cannot_be_called_is_not_ready(settings: Settings) -> None:
    await remember(
        settings,
        [contact("anna", "tcp"), contact("mart")],
        [line(one, acd.AgentState.READY) for one in ("anna", "mart")],
    )
    async with running(settings) as switch:
        assert states(switch)["anna"] == ("offline", "phone not registered")
        assert states(switch)["mart"] == ("ready", "")


async def test_what_was_dialled_before_counts_for_the_caps(settings: Settings) -> None:
    """Also by a call of which nobody knows when it ended: it has its end in the database now."""
    book = replace(settings.call.dialling, account=Caps(minutes=1.0))
    capped = replace(settings, call=replace(settings.call, dialling=book))
    now = time.time()
    left_open = DialRecord(LegId(7), "agent anna", 0.0, now - 130, now - 120)
    store = Store(settings.database_url)
    await store.open()
    await store.append_durable(left_open)
    await store.close()
    async with running(capped) as switch:
        desk = DialDesk(switch)
        (anna,) = (row for row in desk.accounts() if row.account == "agent anna")
        assert (anna.calls_now, 2.0 <= anna.minutes < 3.0) == (0, True)
        said = desk.may_dial("anna", "+3726311111")
        assert said is not None and not said.allowed and "minutes of this day are used up" in said.reason
    assert rows(settings, "SELECT count(*) FROM dialled WHERE ended_at > answered_at") == [(1,)]


@pytest.mark.parametrize("capped", [True, False])
async def test_what_was_dialled_long_ago_is_not_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capped: bool
) -> None:
    """Gone when the switch starts, and each day after that; what a cap still looks at stays."""
    monkeypatch.setattr(dialling, "TIDIED_EVERY_SECONDS", 0.01)
    month = Caps(calls=5, per_seconds=30 * 86400.0) if capped else None
    book = replace(settings.call.dialling, account=month or settings.call.dialling.account)
    now, day = time.time(), 86400.0
    store = Store(settings.database_url)
    await store.open()
    for leg, days in ((1, 40), (2, 20), (3, 1)):
        await store.append_durable(DialRecord(LegId(leg), "agent anna", 0.0, now - days * day, None, now - days * day))
    await store.close()
    async with running(replace(settings, call=replace(settings.call, dialling=book))) as switch:
        await switch.edges.store.append_durable(DialRecord(LegId(4), "agent mart", 0.0, now - 40 * day))
        async with asyncio.timeout(10):
            while (found := rows(settings, "SELECT leg FROM dialled ORDER BY leg")) != [(2,), (3,)][not capped :]:
                assert (3,) in found
                await switch.edges.store.flush()


async def test_the_journal_of_a_stopped_switch_replays_to_its_last_state(settings: Settings, tmp_path: Path) -> None:
    async with running(settings) as switch:
        for agent in settings.acd.agents:
            switch.post(acd.AgentLoggedIn(agent.id))
        engine = switch.cores.engine
    (path,) = files_of(tmp_path / "journal")  # beside the database
    segment = Segment(path.read_bytes())
    assert segment.digest == engine.digest() == Replay(segment).run().digest()
    assert len(list(segment.lines)) >= len(settings.acd.agents)


async def test_nobody_is_rung_any_more_while_it_stops(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An overdue call-back rings Anna; when her phone is told to stop, it is not Mart's turn."""
    monkeypatch.setattr("softswitch.app.switch._GOODBYE_SECONDS", 120.0)
    now = time.time()
    overdue = PromiseOpened(
        PromiseId(1),
        InteractionId(2),
        QueueId("everyday"),
        AgentId("anna"),
        "+3725550001",
        None,
        "en",
        now - 60,
        now - 1,
    )
    await remember(
        settings,
        [contact("anna"), contact("mart")],
        [line(one, acd.AgentState.READY) for one in ("anna", "mart")],
        overdue,
    )
    async with running(settings) as switch:
        assert "ringing" in {state for state, _ in states(switch).values()}
        legs = switch.cores.calls.board.live_legs()
        began = time.monotonic()
    assert time.monotonic() - began < 60.0, "its patience is not what ends it"
    assert len(legs) == 1
    assert rows(settings, "SELECT count(*) FROM call_detail") == [(1,)]


async def test_the_past_and_the_promises_of_a_switch(settings: Settings, gateway: socket.socket) -> None:
    async with running(settings) as switch:
        live = switch.live
        number = InteractionId(77)
        switch.post(acd.AgentLoggedIn(settings.acd.agents[0].id))
        entered = acd.CallerEntered(number, settings.acd.queues[0].id, "+372", None, "en", None)
        switch.cores.recorded.handle(entered, switch.clock.now())
        assert live.why(number, None) is None, "nobody is there: passed on at once"
        at = live.health().up_seconds
        found = await live.why_then(number, None, switch.clock.local(time.time() + 5).strftime("%H:%M:%S"))
        assert [one["what"] for one in found["history"]][-1] == "left the queue: overflowed" and at >= 0
        with pytest.raises(PastError, match="does not know"):
            await live.why_then(InteractionId(78), None, "12:00:00")
        assert await live.promises(None, 10) == []


async def test_a_second_switch_on_the_same_database_touches_no_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_house, "LOCK_SECONDS", 0.2)
    restored: list[object] = []
    monkeypatch.setattr(Survivors, "restore", lambda *about: restored.append(about))
    first = MediaHouse(
        replace(settings.media, workers=1),
        settings.prompt_cache,
        lambda event: None,
        directory_of(settings.media, settings.database_url),
    )
    await first.own()
    try:
        with pytest.raises(StartError, match="is used by another switch"):
            await Switch.start(settings)
    finally:
        await first.stop()
    assert restored == []
