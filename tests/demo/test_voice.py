"""What the demo listens for is what the bank's configuration says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from softswitch.config import load
from softswitch.demo.listen import RATE, Recording, find_prompt
from softswitch.demo.switch import bank_directory
from softswitch.demo.voice import Voice
from softswitch.ids import QueueId
from softswitch.runtime.prompt_library import build_catalog

PASSWORDS = {"ANNA_PASSWORD": "a", "MART_PASSWORD": "b", "LI_PASSWORD": "c"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered once for all tests."""
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture
async def voice(cache: Path) -> Voice:
    settings = replace(load(bank_directory(), env=PASSWORDS), prompt_cache=str(cache))
    return Voice(settings, await build_catalog(settings), settings.call.call_back_caller, QueueId("everyday"))


async def test_keys_of_the_menu(voice: Voice) -> None:
    assert voice.key_to_queue() == "0"
    assert voice.key_to_nowhere() not in voice.menu.keys
    assert [voice.choice_key(choice) for choice in ("wait", "colleague", "call_back")] == ["1", "2", "3"]


async def test_every_prompt_of_the_story_has_sound(voice: Voice) -> None:
    texts, line = voice.texts, voice.settings.call.texts
    anna = voice.spoken_name("anna")
    prompts = [
        *voice.greeting(),
        voice.prompt("menu", voice.menu.say),
        voice.prompt("sorry", line.wrong_key),
        voice.prompt("connecting", texts.connecting, agent=anna),
        voice.choice_intro("anna"),
        voice.wait_told(),
        voice.prompt("kept", texts.wait_for_agent, agent=anna),
        voice.prompt("confirmed", texts.call_back_confirmed, agent=anna, time="14:35"),
        voice.prompt("call-back", line.call_back_intro),
    ]
    assert all(prompt.seconds > 0.3 for prompt in prompts)


@pytest.mark.parametrize("minutes", [1, 2, 3, 5, 9, 13, 14, 30, 40, 60])
async def test_minutes_are_told_apart(voice: Voice, minutes: int) -> None:
    said = voice.prompt("x", voice.texts.choice, agent=voice.spoken_name("anna"), minutes=str(minutes), time="14:35")
    recording = Recording(np.concatenate((np.zeros(RATE, dtype=np.float32), said.samples)), 50.0)
    about = find_prompt(recording, voice.wait_told())
    assert about is not None
    told = voice.minutes_heard(recording, about.ended)
    assert told is not None
    assert told[0] == minutes
