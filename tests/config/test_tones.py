"""Tones of networks where an audio file could stand, and what is done with answering machines."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.ids import QueueId


def test_a_tone_as_music_and_in_a_text(directory: Any) -> None:
    queues = "{ sales: { while_waiting: { music: tone/ee/ringback }, nobody_there: wait, "
    queues += "texts: { please_wait: { en: { file: tone/gb/busy } } } } }"
    texts = directory.load(queues=queues).call.queue_texts[QueueId("sales")]
    assert texts.music == "tone/ee/ringback"
    assert texts.please_wait.files == {"en": "tone/gb/busy"}


@pytest.mark.parametrize(
    ("music", "message"),
    [
        ("tone/ee/ringbak", 'there is no tone "tone/ee/ringbak" - did you mean "tone/ee/ringback"?'),
        ("tone/there-is-no-such-thing", '"tone/there-is-no-such-thing"; see prompts.md'),
    ],
)
def test_a_tone_that_there_is_not(directory: Any, music: str, message: str) -> None:
    (found,) = directory.check(queues=f"{{ sales: {{ while_waiting: {{ music: {music} }} }} }}")
    assert found.startswith("line.yaml:") and message in found


def call_back(keys: str) -> str:
    return f"{{ sales: {{ nobody_there: wait, call_back: {{ {keys} }} }} }}"


def test_machines(directory: Any) -> None:
    message = "first: customer, machine: leave_message, message: { en: We called you. }"
    texts = directory.load(queues=call_back(message)).call.queue_texts[QueueId("sales")].call_back_texts
    assert (texts.machine, texts.message.texts) == ("leave_message", {"en": "We called you."})
    texts = directory.load(queues=call_back("first: customer")).call.queue_texts[QueueId("sales")].call_back_texts
    assert texts.machine == "treat_as_human"
    for keys, machine in (("within: 2h", "note"), ("machine: hang_up", "hang_up"), ("first: agent", "note")):
        texts = directory.load(queues=call_back(keys)).call.queue_texts[QueueId("sales")].call_back_texts
        assert texts.machine == machine


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("first: customer, machine: note", "nobody talks to the machine then; it needs first: agent"),
        ("machine: leave_message", "it needs the key message: what is said to the machine"),
        ("first: customer, machine: leave_message", "it needs the key message: what is said to the machine"),
        ("first: customer, message: { en: Hello. }", "nobody ever hears it; it needs machine: leave_message"),
        ("first: customer, machine: hang-up", 'did you mean "hang_up"?'),
    ],
)
def test_machines_that_make_no_sense(directory: Any, keys: str, message: str) -> None:
    (found,) = directory.check(queues=call_back(keys))
    assert found.startswith("line.yaml:") and message in found
