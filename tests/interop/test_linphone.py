"""linphone (the console program) against the real switch: it registers, answers a caller, and transfers him.

It has no sound card here: it plays a file and records into one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from softswitch.demo.listen import Recording, tone_spans
from softswitch.demo.ports import free_port
from softswitch.demo.switch import HOST

from .conftest import AGENTS, EXPRESS, Line

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
CONFIG = """[sip]
sip_port={port}
sip_tcp_port={port}
guess_hostname=0
default_proxy=0
use_ipv6=0
[rtp]
audio_rtp_port={rtp}
[net]
nat_policy_ref=
firewall_policy=0
[sound]
remote_ring=
local_ring=
echocancellation=0
"""


def tone_file(path: Path, hertz: int, seconds: float = 20.0) -> None:
    at = np.arange(int(8000 * seconds)) / 8000
    samples = (0.25 * 32767 * np.sin(2 * np.pi * hertz * at)).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.tobytes())


@pytest.fixture
def linphone() -> str:
    program = shutil.which("linphonec")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("linphonec is missing (Debian: apt-get install linphone-cli)")
        pytest.skip("linphonec is not installed (Debian: apt-get install linphone-cli)")
    return program


async def test_linphone_answers_a_caller_and_transfers_him(line: Line, linphone: str, tmp_path: Path) -> None:
    played, recorded = tmp_path / "played.wav", tmp_path / "recorded.wav"
    tone_file(played, 440)
    config = tmp_path / "linphonerc"
    config.write_text(
        CONFIG.format(
            port=free_port(HOST),
            rtp=free_port(HOST),
        )
    )
    (tmp_path / ".local" / "share" / "linphone").mkdir(parents=True)  # where it keeps its history
    with (tmp_path / "screen").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *(linphone, "-c", str(config), "-a", "-d", "0"),
            stdin=asyncio.subprocess.PIPE,
            stdout=screen,
            stderr=screen,
            env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"},
        )
        assert process.stdin is not None
        try:
            server, user = line.switch.sip, AGENTS["li"]
            register = f"register sip:{user}@{server} sip:{server} {line.passwords['li']}"
            for order in ("soundcard use files", f"play {played}", f"record {recorded}", register):
                process.stdin.write(order.encode() + b"\n")
            await process.stdin.drain()
            await line.switch.wait_for_agent("li", "ready", 20)
            customer = await line.customer("+3725552201")
            await customer.tone(770)
            since = time.monotonic()
            await customer.dial(line.outside(EXPRESS))
            await line.switch.wait_for_agent("li", "talking", 20)
            await customer.hears_tone(440, after=0, since=since, seconds=20)
            anna = await line.agent("anna")
            await anna.tone(560)
            await anna.answering("at_once")
            process.stdin.write(f"transfer 1 sip:{AGENTS['anna']}@{server}\n".encode())
            await process.stdin.drain()
            talking = await anna.expect("talking", after=0, seconds=20)
            await customer.hears_tone(560, after=0, since=talking.at, seconds=20)
            await line.switch.wait_for_agent("li", "ready", 20)
            await customer.hang_up()
            process.stdin.write(b"quit\n")
            await process.stdin.drain()
            await asyncio.wait_for(process.wait(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    recording = Recording.read(recorded, 0.0)  # its header is a click of 5 ms
    assert tone_spans(recording, 770, at_least_seconds=0.3), "the caller's voice is in what linphone has heard"
