"""The torture messages of RFC 4475, each with what we answer: as a datagram, over TCP whole, byte by byte and
pipelined. After each of them the same stack still answers a ping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.sip.peer import GATEWAY, LOCAL, REALM, STRANGER, Peer, request, settings, status, transmitted

from softswitch.sip.messages import CloseStream, Flow, InviteReceived, StreamReceived

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = ROOT.parent / "shared" / "rfc4475"
TCP = Flow("tcp", LOCAL, ("192.0.2.10", 4000), 7)
SILENCE = 0
RINGS = 100

# name: (answer to a trunk, answer to a stranger)
EXPECTED: dict[str, tuple[int, int]] = {
    "badaspec": (400, 400),
    "badbranch": (200, 200),
    "baddate": (RINGS, 401),
    "baddn": (400, 400),
    "badinv01": (400, 400),
    "badvers": (505, 505),
    "bcast": (SILENCE, SILENCE),
    "bext01": (420, 420),
    "bigcode": (SILENCE, SILENCE),
    "clerr": (400, 400),
    "cparam01": (401, 401),
    "cparam02": (401, 401),
    "dblreq": (401, 401),
    "esc01": (RINGS, 401),
    "esc02": (501, 501),
    "escnull": (401, 401),
    "escruri": (400, 400),
    "insuf": (400, 400),
    "intmeth": (501, 501),
    "inv2543": (400, 403),
    "invut": (415, 401),
    "longreq": (RINGS, 401),
    "ltgtruri": (400, 400),
    "lwsdisp": (200, 200),
    "lwsruri": (400, 400),
    "lwsstart": (400, 400),
    "mcl01": (400, 400),
    "mismatch01": (400, 400),
    "mismatch02": (400, 400),
    "mpart01": (403, 401),
    "multi01": (400, 400),
    "ncl": (400, 400),
    "noreason": (SILENCE, SILENCE),
    "novelsc": (416, 416),
    "quotbal": (400, 400),
    "regaut01": (401, 401),
    "regbadct": (401, 401),
    "regescrt": (401, 401),
    "scalar02": (400, 400),
    "scalarlg": (SILENCE, SILENCE),
    "sdp01": (RINGS, 401),
    "semiuri": (200, 200),
    "test": (SILENCE, SILENCE),
    "transports": (200, 200),
    "trws": (400, 400),
    "unkscm": (416, 416),
    "unksm2": (401, 401),
    "unreason": (SILENCE, SILENCE),
    "wsinv": (481, 481),
    "zeromf": (483, 483),
}
# Without a usable Content-Length a stream cannot be cut: 400 and the connection is closed.
UNFRAMEABLE = ("inv2543", "mcl01", "ncl")
# Content-Length asks for more than there is: on a stream the rest may still come.
UNFINISHED = ("clerr",)

FILES = sorted(MESSAGES.glob("*/*.dat")) if MESSAGES.is_dir() else []
needs_messages = pytest.mark.skipif(not FILES, reason="the messages of RFC 4475 are not beside the project")


def peer() -> Peer:
    return Peer(settings(domains=(REALM, "example.com", "example.net", "example.org", "company.com")))


def answers(out: list[Any]) -> list[int]:
    return [status(data) for data in transmitted(out)]


def assert_answer(out: list[Any], expected: int, name: str) -> None:
    first = answers(out)[:1]
    assert first == ([] if expected == SILENCE else [expected]), (name, out)
    rang = any(isinstance(entry, InviteReceived) for entry in out)
    assert rang == (expected == RINGS), name


def assert_alive(side: Peer) -> None:
    assert answers(side.packet(request("OPTIONS", 1, "ping"))) == [200]


@needs_messages
def test_there_is_an_expectation_for_each() -> None:
    assert sorted(EXPECTED) == sorted(path.stem for path in FILES)


@needs_messages
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("stranger", [False, True], ids=["trunk", "stranger"])
def test_datagram(path: Path, stranger: bool) -> None:
    side = peer()
    out = side.packet(path.read_bytes(), STRANGER if stranger else GATEWAY)
    assert_answer(out, EXPECTED[path.stem][stranger], path.stem)
    assert_alive(side)


@needs_messages
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_stream_whole_and_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    whole, single = peer(), peer()
    at_once = whole.do(StreamReceived(TCP, data))
    in_bytes = [entry for byte in data for entry in single.do(StreamReceived(TCP, bytes([byte])))]
    assert answers(at_once) == answers(in_bytes)
    expected = SILENCE if path.stem in UNFINISHED else EXPECTED[path.stem][0]
    assert_answer(at_once, expected, path.stem)
    closed = [entry for entry in in_bytes if isinstance(entry, CloseStream)]
    if path.stem in UNFRAMEABLE:
        assert closed == [CloseStream(TCP)]
    assert_alive(whole)
    assert_alive(single)


@needs_messages
def test_streams_pipelined() -> None:
    """All well-framed messages back to back on one connection."""
    side = peer()
    # Their Content-Length is shorter than what follows the head, or they end early: nothing may stand behind them.
    tail = ("dblreq", "test", *UNFINISHED, *UNFRAMEABLE)
    chosen = [path for path in FILES if path.stem not in tail]
    exact = [path for path in chosen if _exact(path.read_bytes())]
    assert len(exact) > 25
    data = b"".join(path.read_bytes() for path in exact)
    out = side.do(StreamReceived(TCP, data))
    assert answers(out) == [EXPECTED[path.stem][0] for path in exact if EXPECTED[path.stem][0] != SILENCE]
    assert not any(isinstance(entry, CloseStream) for entry in out)


def _exact(data: bytes) -> bool:
    """The body is as long as Content-Length says."""
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l"):
            return value.strip().isdigit() and int(value) == len(body)
    return False
