"""Who answered, through a real media process."""

from __future__ import annotations

import audioop
from collections.abc import Callable

from tests.media.harness import Phone, Worker
from tests.media.sounds import packets, sound, tones
from tests.media.test_answering_machine import MACHINES, said
from tests.media.test_call_progress import played

from softswitch.media.messages import AnsweredBy, Bridge, GreetingOver, ToneHeard, WatchAnswer
from softswitch.media.tones import BUSY, RINGBACK


def say(phone: Phone, samples: bytes, other: Phone) -> None:
    """Faster than time; `other` hears it, so that it is known what has arrived."""
    phone.worker.send(Bridge(phone.leg, other.leg))
    phone.worker.settle()
    for n, packet in enumerate(packets(samples)):
        phone.talk(audioop.lin2alaw(packet, 2))
        if n >= 10:
            other.hear()


def test_tones_before_the_answer(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone(8)
    worker.send(WatchAnswer(one.leg, "EE"))
    say(one, played("EE", RINGBACK, 4.0) + played("EE", BUSY, 2.0, lead=0), phone(8))
    told = [worker.expect(ToneHeard, lambda event: event.leg == one.leg) for _ in range(2)]
    assert [event.tone for event in told] == ["ringback", "busy"]


def test_a_machine_and_its_beep(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone(8)
    worker.send(WatchAnswer(one.leg, "EE", answered=True))
    greeting = sound([*said(MACHINES[0][0], "en", 200), *tones([(1000.0, -12.0)], 400), *[0.0] * 1600])
    say(one, greeting, phone(8))
    answered = worker.expect(AnsweredBy, lambda event: event.leg == one.leg)
    assert answered.who == "machine"
    assert 2000 <= answered.after_ms <= 3500
    assert worker.expect(GreetingOver, lambda event: event.leg == one.leg).beep


def test_who_falls_silent_altogether_is_told_from_a_voice(worker: Worker, phone: Callable[..., Phone]) -> None:
    """A phone that sends nothing between its words (DTX)."""
    one = phone(8)
    worker.send(WatchAnswer(one.leg, "EE", answered=True))
    say(one, sound(said("Hello?", "en", 160)), phone(8))
    assert worker.expect(AnsweredBy, lambda event: event.leg == one.leg).who == "human"


def test_not_watched_any_more(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone(8)
    worker.send(WatchAnswer(one.leg, "EE"), WatchAnswer(one.leg, "EE", on=False))
    say(one, played("EE", BUSY, 2.0), phone(8))
    worker.settle()
    one.hang_up()
    assert not any(isinstance(event, ToneHeard) for event in worker.queue)
