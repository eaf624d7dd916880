"""The mirror over a real socket: masked copies, whole messages, and nothing that grows or waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from tests.sip.test_hep import UDP, chunks

from softswitch.call.errors import StartError
from softswitch.call.settings import MirrorSettings
from softswitch.runtime.hep_mirror import MOST_WAITING, HepMirror
from softswitch.sip.messages import Flow

INVITE = (
    b'INVITE sip:1@a SIP/2.0\r\nCall-ID: a@b\r\nAuthorization: Digest response="0123abc"\r\nContent-Length: 0\r\n\r\n'
)


@pytest.fixture
def collector() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        yield one


async def received(collector: socket.socket) -> dict[int, bytes]:
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(collector, 65_535), 5)
    return {kind: content for _, kind, content in chunks(data)}


async def opened(collector: socket.socket) -> HepMirror:
    settings = MirrorSettings("127.0.0.1", collector.getsockname()[1], 7, "key")
    return await HepMirror.open(settings, lambda at: at + 1_700_000_000)


async def test_copies_are_masked_and_carry_the_call_id(collector: socket.socket) -> None:
    mirror = await opened(collector)
    mirror.note(5.0, False, UDP, INVITE)
    got = await received(collector)
    assert got[15] == INVITE.replace(b"0123abc", b"*******")
    assert (got[17], got[14], int.from_bytes(got[9], "big")) == (b"a@b", b"key", 1_700_000_005)
    assert len(mirror.of(["a@b"])) == 1, "the trace is kept as always"
    mirror.close()


async def test_what_one_read_of_a_connection_brought_is_taken_apart(collector: socket.socket) -> None:
    mirror = await opened(collector)
    mirror.note(
        5.0, False, Flow("tcp", *(UDP.local, UDP.remote), 4), b"\r\n\r\n" + INVITE + INVITE.replace(b"a@b", b"c@d")
    )
    assert [(await received(collector))[17] for _ in range(2)] == [b"a@b", b"c@d"]
    mirror.close()


async def test_digits_that_come_in_a_piece_of_their_own_are_not_copied(collector: socket.socket) -> None:
    """Some phones send the head and the body of an INFO one after the other."""
    mirror = await opened(collector)
    flow = Flow("tcp", *(UDP.local, UDP.remote), 4)
    head = b"INFO sip:1@a SIP/2.0\r\nCall-ID: i@b\r\nContent-Type: application/dtmf-relay\r\nContent-Length: 24\r\n\r\n"
    body = b"Signal=7\r\nDuration=160\r\n"
    for piece in (head, body, head[:40], head[40:] + body, INVITE):
        mirror.note(5.0, False, flow, piece)
    got = [(await received(collector))[15] for _ in range(3)]
    assert got == [head, head[:40], INVITE.replace(b"0123abc", b"*******")]
    mirror.close()


async def test_the_queue_is_bounded_and_a_collector_that_is_away_costs_nothing(collector: socket.socket) -> None:
    mirror = await opened(collector)
    collector.close()
    for _ in range(MOST_WAITING + 500):
        mirror.note(5.0, True, UDP, INVITE)
    assert mirror.dropped == 500
    for _ in range(MOST_WAITING):
        await asyncio.sleep(0)
    assert not mirror._waiting
    mirror.close()


async def test_an_unknown_collector_is_one_sentence_at_the_start() -> None:
    with pytest.raises(StartError, match=r"collector nowhere\.invalid of the mirror is not known"):
        await HepMirror.open(MirrorSettings("nowhere.invalid", 9060), lambda at: at)
