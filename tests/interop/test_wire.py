"""Exact messages on a bare socket against the real switch."""

from __future__ import annotations

import re

import pytest

from softswitch.demo.gateway import HOST as GATEWAY_HOST

from .conftest import LINE, Line
from .wire import OFFER, Wire

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


def tag(response: str) -> str:
    found = re.search(r"^To: .*(;tag=[^;\s]+)", response, re.MULTILINE)
    assert found, response
    return found[1]


async def test_retransmitted_invite_is_one_call_with_one_answer(line: Line) -> None:
    """Twice before and once after the 200 (RFC 3261 17.2.1, RFC 6026)."""
    wire = await Wire.open(line.switch.sip, GATEWAY_HOST)
    try:
        invite = wire.request("INVITE", f"{LINE}@", body=OFFER.format(host=GATEWAY_HOST))
        wire.send(invite)
        wire.send(invite)
        first = await wire.final()
        assert first.startswith("SIP/2.0 200"), first
        wire.send(invite)
        second = await wire.final()
        assert second.startswith("SIP/2.0 200"), second
        assert tag(first) == tag(second)
        calls = await line.switch.look("calls")
        assert [call["caller"] for call in calls] == ["+37255599999"]
        wire.send(wire.request("ACK", "softswitch@", branch="2", to_tag=tag(first)))
        wire.send(wire.request("BYE", "softswitch@", cseq=2, branch="3", to_tag=tag(first)))
        while "BYE" not in (answer := await wire.final()):
            pass
        assert answer.startswith("SIP/2.0 200")
        await line.switch.wait_for("calls", lambda rows: not rows, 20, "the call gone")
        # The dialog is over: the same BYE again is no longer known under a new branch.
        wire.send(wire.request("BYE", "softswitch@", cseq=3, branch="4", to_tag=tag(first)))
        assert (await wire.final()).startswith("SIP/2.0 481")
    finally:
        wire.close()


async def test_cancel_right_behind_the_invite_leaves_nothing(line: Line) -> None:
    """It beats the 200 (487) or crosses it (200, then our BYE): RFC 3261 9.1."""
    wire = await Wire.open(line.switch.sip, GATEWAY_HOST)
    try:
        wire.send(wire.request("INVITE", f"{LINE}@", body=OFFER.format(host=GATEWAY_HOST)))
        wire.send(wire.request("CANCEL", f"{LINE}@"))
        answers = {}
        while len(answers) < 2:
            text = await wire.final()
            method = re.search(r"^CSeq: \d+ (\w+)", text, re.MULTILINE)
            assert method
            answers[method[1]] = text
        status = answers["INVITE"].split()[1]
        assert status in ("200", "487")
        if status == "487":
            wire.send(wire.request("ACK", f"{LINE}@", to_tag=tag(answers["INVITE"])))
        else:
            wire.send(wire.request("ACK", "softswitch@", branch="2", to_tag=tag(answers["INVITE"])))
            wire.send(wire.request("BYE", "softswitch@", cseq=2, branch="3", to_tag=tag(answers["INVITE"])))
        await line.switch.wait_for("calls", lambda rows: not rows, 20, "the call gone")
    finally:
        wire.close()


async def test_stranger_gets_no_call_and_is_counted(line: Line) -> None:
    wire = await Wire.open(line.switch.sip, "127.0.0.9")
    try:
        wire.send(wire.request("INVITE", f"{LINE}@", body=OFFER.format(host="127.0.0.9")))
        assert (await wire.final()).split()[1] in ("401", "403", "407")
        assert await line.switch.look("calls") == []
    finally:
        wire.close()


@pytest.mark.parametrize(
    ("method", "more", "hops", "statuses"),
    [
        ("BYE", "", 70, {"481"}),
        ("CANCEL", "", 70, {"481"}),
        ("OPTIONS", "", 70, {"200"}),
        ("INVITE", "Require: no-such-thing\r\n", 70, {"420"}),
        ("INVITE", "", 0, {"483"}),
        ("MESSAGE", "", 70, {"403"}),  # texts are for people with a login
        ("NONSENSE", "", 70, {"405", "501"}),
    ],
)
async def test_answers_to_what_cannot_be(line: Line, method: str, more: str, hops: int, statuses: set[str]) -> None:
    wire = await Wire.open(line.switch.sip, GATEWAY_HOST)
    try:
        text = wire.request(method, f"{LINE}@", to_tag=";tag=x" if method == "BYE" else "", more=more)
        wire.send(text.replace("Max-Forwards: 70", f"Max-Forwards: {hops}"))
        answer = await wire.final()
        assert answer.split()[1] in statuses, answer
    finally:
        wire.close()
