"""MESSAGE (RFC 3428): from agents to agents, and from nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sip.peer import (
    GATEWAY,
    PHONE,
    REALM,
    STRANGER,
    Peer,
    credentials,
    header,
    register,
    response,
    start,
    status,
    transmitted,
)
from tests.sip.peer import request as of

from softswitch.sip import courier


def message(
    side: Peer,
    *,
    to: str = "1002",
    body: bytes = b"Lunch?",
    kind: str = "text/plain",
    call: str = "m",
    domain: str = REALM,
    lines: tuple[str, ...] = (),
) -> list[Any]:
    """Anna's phone sends one, with her login."""
    uri = f"sip:{to}@{domain}"

    def one(number: int, *more: str) -> bytes:
        return of(
            "MESSAGE",
            number,
            call,
            flow=PHONE,
            uri=uri,
            body=body,
            kind=kind,
            sender="<sip:boss@evil.example>",
            extra=(*lines, *more),
        )

    challenge = side.sent(one(1), PHONE)[0]
    if status(challenge) != 401:
        return [challenge]
    return side.packet(one(2, credentials(challenge, method="MESSAGE", uri=uri)), PHONE)


def with_mart(contacts: int = 1) -> Peer:
    side = Peer()
    for at in range(contacts):
        details = {"user": "1002", "contact": f"<sip:1002@198.51.100.8:4000{at}>", "call": f"r{at}"}
        challenge = side.sent(register(1, **details), PHONE)[0]
        proof = credentials(challenge, username="1002", password="other")
        side.save(side.packet(register(2, proof=proof, **details), PHONE))
    return side


def carried(out: list[Any]) -> list[bytes]:
    return [data for data in transmitted(out) if start(data).startswith("MESSAGE")]


def codes(out: list[Any]) -> list[int]:
    sent = [each for each in out if isinstance(each, bytes)] or transmitted(out)
    return [status(data) for data in sent if status(data)]


def test_carried_to_all_of_her_phones() -> None:
    side = with_mart(2)
    out = message(side)
    one, two = carried(out)
    assert codes(out) == []
    assert start(one) == "MESSAGE sip:1002@198.51.100.8:40000 SIP/2.0"
    assert header(one, "From").startswith(f"<sip:1001@{REALM}>"), "who has logged in, whatever the phone says"
    assert header(one, "Content-Type") == "text/plain"
    assert one.endswith(b"\r\n\r\nLunch?")
    assert codes(side.packet(response(200, two), PHONE)) == [200]
    assert codes(side.packet(response(480, one), PHONE)) == []


@pytest.mark.parametrize(("code", "told"), [(480, 480), (486, 486), (404, 480), (500, 480)])
def test_refused_by_her_phone(code: int, told: int) -> None:
    side = with_mart()
    (one,) = carried(message(side))
    assert codes(side.packet(response(code, one), PHONE)) == [told]


def test_her_phone_does_not_answer() -> None:
    side = with_mart()
    message(side)
    assert codes(side.wait(33)) == [480]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "7777"}, 404),
        ({"domain": "evil.example"}, 404),
        ({"body": b"x" * 1301}, 413),
        ({"kind": "application/octet-stream"}, 415),
        ({"lines": ("Content-Encoding: gzip",)}, 415),
    ],
)
def test_not_carried(changes: dict[str, Any], code: int) -> None:
    assert codes(message(with_mart(), **changes)) == [code]


def test_not_registered() -> None:
    assert codes(message(Peer())) == [480]


def test_nobody_else_sends_any() -> None:
    side = with_mart()
    assert codes([side.sent(of("MESSAGE", 1, "t", body=b"x", kind="text/plain"), GATEWAY)[0]]) == [403]
    assert codes([side.sent(of("MESSAGE", 1, "u", body=b"x", flow=STRANGER, kind="text/plain"), STRANGER)[0]]) == [401]
    assert carried(side.log) == []


def test_bounded_for_each_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "MOST_UNDER_WAY", 2)
    side = with_mart()
    assert [len(carried(message(side, call=f"m{at}"))) for at in range(2)] == [1, 1]
    assert codes(message(side, call="m9")) == [503]
    side.wait(33)
    assert len(carried(message(side, call="m10"))) == 1
