"""kill -9 of the media process under calls of real phones: both hear each other again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from .conftest import EXPRESS, Line

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


def media_process(line: Line) -> int:
    """The process that carries audio on the ports of this switch: its child, or of a switch before."""
    ports = "{}..{}".format(*line.switch.ports.rtp).encode()
    for entry in Path("/proc").iterdir():
        try:
            words = entry.joinpath("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if ports in words and b"softswitch.media.worker" in words:
            return int(entry.name)
    raise AssertionError("the switch has no media process")


def lines_of(log: Path) -> list[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if "media process" in line]


@pytest.mark.parametrize("kind", ["baresip", "pjsua"])
async def test_two_phones_hear_each_other_again(line: Line, kind: str) -> None:
    """pjsua encrypts, and gets new keys."""
    if kind == "pjsua":
        pytest.importorskip("pjsua2")
        hers = await line.agent("safe", kind, srtp="mandatory")
    else:
        hers = await line.agent("anna")
    customer = await line.customer("+3725551061")
    await hers.tone(440)
    await customer.tone(770)
    await hers.answering("at_once")
    await customer.dial(line.outside(EXPRESS))
    talking = await hers.expect("talking", after=0, seconds=20)
    await hers.hears_tone(770, after=0, since=talking.at, seconds=20)
    before, said = media_process(line), len(lines_of(line.switch.log))
    marks = hers.mark(), customer.mark()
    os.kill(before, signal.SIGKILL)
    # by the re-INVITE
    moved = [
        await phone.expect("sdp", "media", after=mark, seconds=20)
        for phone, mark in zip((hers, customer), marks, strict=True)
    ]
    back = max(event.at for event in moved) + 0.2
    await hers.hears_tone(770, after=0, since=back, seconds=20)
    await customer.hears_tone(440, after=0, since=back, seconds=20)
    assert media_process(line) != before
    (said_now,) = lines_of(line.switch.log)[said:]
    assert f"media process {before} " in said_now
    assert "ended with SIGKILL" in said_now
    await customer.hang_up()
    await hers.expect("ended", after=0, seconds=20)
