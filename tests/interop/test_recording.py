"""A recorded call between real phones with tones of their own, through hold and a transfer, into one file."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import aiohttp
import numpy
import pytest
import soundfile

from .acd_live import AGENTS, Floor, LiveSwitch, opened

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
ANNA, MART, CUSTOMER = 440, 560, 770
RECORDING = """
recording: { directory: "DIR", format: wav, keys: { k: { file: k.key } }, free_megabytes: 1 }
"""


class RecordingSwitch(LiveSwitch):
    """The live line, whose first queue records."""

    def prepare(self, passwords: dict[str, str]) -> None:
        super().prepare(passwords)
        path = self.config / "line.yaml"
        text = path.read_text().replace("  everyday:\n", "  everyday:\n    record: always\n", 1)
        text += RECORDING.replace("DIR", str(self.directory / "recordings"))
        path.write_text(text, encoding="utf-8")
        (self.config / "k.key").write_text("7e" * 32)


def share(samples: numpy.ndarray, rate: int, hertz: float) -> float:
    """How much of the energy lies at this frequency."""
    spectrum = numpy.abs(numpy.fft.rfft(samples.astype(float))) ** 2
    at = round(hertz * len(samples) / rate)
    return float(spectrum[max(at - 3, 0) : at + 4].sum() / max(spectrum[1:].sum(), 1.0))


async def the_call(floor: Floor) -> None:
    """Anna talks with him, holds him, masks a moment of it, and transfers him to Mart."""
    switch, anna, mart, customer = floor.switch, floor.agents["anna"], floor.agents["mart"], floor.phones[floor.one]
    await switch.set_agent("mart", "break")
    for phone, hertz in ((anna, ANNA), (mart, MART), (customer, CUSTOMER)):
        await phone.tone(hertz)
    talking = await floor.talks(floor.one, "anna")
    await customer.hears_tone(ANNA, after=0, since=talking.at, seconds=20)
    call = await switch.call_of(floor.one, "talking")
    words = {"by": "anna", "reason": "card data"}
    mark = anna.mark()
    await anna.order("hold")
    for do in ("mask", "unmask"):
        status, said = await switch.order("POST", f"calls/{call['call']}/recording", {**words, "do": do})
        assert status == 200, said
    await anna.order("resume")
    resumed = max(anna.since(mark, "held", "resumed"), key=lambda event: event.at, default=talking)
    await customer.hears_tone(ANNA, after=0, since=resumed.at + 0.3, seconds=20)
    await switch.set_agent("mart", "ready")
    mark = mart.mark()
    await anna.order("transfer", to=f"sip:{AGENTS['mart']}@{switch.sip}")
    moved = await mart.expect("talking", after=mark, seconds=20)
    await customer.hears_tone(MART, after=0, since=moved.at + 0.2, seconds=20)
    await mart.hears_tone(CUSTOMER, after=0, since=moved.at + 0.2, seconds=20)
    await customer.hang_up()


async def test_a_call_through_hold_and_transfer_is_one_recording(tmp_path: Path) -> None:
    async with opened(tmp_path, RecordingSwitch) as floor:
        switch = floor.switch
        await floor.tidy()
        await the_call(floor)
        (row,) = await switch.wait_for("recordings", bool, 20, "the recording")
        assert row["agents"] == ["anna", "mart"] and row["queue"] == "everyday" and row["caller"] == floor.one
        assert (row["key"], row["format"], row["gap_seconds"]) == ("k", "wav", 0)
        at = {}
        for mark in row["marks"]:
            at.setdefault(mark["mark"], mark["at"])
        order = ("held", "masked", "unmasked", "taken back", "being transferred", "transferred")
        assert [at[name] for name in order] == sorted(at[name] for name in order)
        url = f"http://{switch.http}/api/v1/recordings/{row['recording']}/audio?by=kadri"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
            sound = await answer.read()
        sides, rate = soundfile.read(io.BytesIO(sound), dtype="int16")
        ours, caller = sides[:, 1], sides[:, 0]
        left = int((at["transferred"] - 0.2) * rate)
        assert share(caller[rate // 2 : left], rate, CUSTOMER) > 0.8
        assert share(caller, rate, ANNA) < 0.02 and share(caller, rate, MART) < 0.02
        held = int(at["held"] * rate)
        assert share(ours[held - rate // 3 : held - rate // 20], rate, ANNA) > 0.8
        assert share(ours[int((at["transferred"] + 0.3) * rate) :], rate, MART) > 0.8
        assert share(ours, rate, CUSTOMER) < 0.02
        heard = switch.rows("SELECT who, how FROM recording_access")
        assert [(each["who"], each["how"]) for each in heard] in ([("kadri", "heard")], [])
        program = sys.executable, "-m", "softswitch"
        done = await asyncio.create_subprocess_exec(
            *(*program, "recordings", "verify", str(switch.config)), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await done.communicate()
        assert done.returncode == 0, said.decode()
