"""A caller keys in an amount and hears it, by the rules of his language: spoken by the engine during the call."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from softswitch.demo.listen import Prompt, likeness
from softswitch.runtime.audio_files import to_line, to_ulaw
from softswitch.runtime.prompt_library import treatment_of_text
from softswitch.runtime.tts import EspeakEngine

from .conftest import AMOUNT, Line

pytestmark = [
    pytest.mark.interop,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"),
]


async def spoken(text: str) -> Prompt:
    """As the line carries it."""
    sound = to_line(*await EspeakEngine().render(text, "en"), treatment_of_text(text))
    return Prompt.from_u_law(text, await asyncio.to_thread(to_ulaw, sound))


async def test_an_amount_that_was_keyed_in_is_heard(line: Line) -> None:
    customer = await line.customer("+3725551090")
    await customer.dial(line.outside(AMOUNT))
    hearing = await customer.expect("hearing", after=0, seconds=20)
    await customer.press("37#")
    words = [await spoken(text) for text in ("Your balance is", "thirty-seven euros")]
    said = [await customer.hears_prompt(each, after=0, since=hearing.at, seconds=20) for each in words]
    assert 0.0 <= said[1].began - said[0].ended < 0.3  # he never waits for it in silence
    await customer.expect("ended", after=0, seconds=20)
    recording = customer.recording()
    assert recording is not None
    other = await spoken("thirty-eight euros")
    assert likeness(recording, words[1])[0] > 0.9 > likeness(recording, other)[0]
