"""Speech that is made during calls: in time, too late, kept, forgotten; and what a caller hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from softswitch.call.board import Board, LineFacts
from softswitch.call.leg import LegFacts
from softswitch.call.live_speech import WITHIN_SECONDS, MakeSpeech, SpeechMade
from softswitch.call.prompts import Prompt, PromptCatalog
from softswitch.call.settings import Settings
from softswitch.call.speech_settings import SpeechSettings
from softswitch.ids import IdSource, LegId, PlaybackId
from softswitch.ivr.messages import Segment
from softswitch.ivr.speech import speak
from softswitch.media.messages import Play
from softswitch.media.ports import PortStock
from softswitch.runtime import tts_live
from softswitch.runtime.tts import TtsError
from softswitch.runtime.tts_live import LiveSpeechMaker
from softswitch.runtime.tts_voices import voices_of

SmallLine = Callable[..., Settings]
HELLO, WORLD = Segment("en", "Hello."), Segment("en", "World.")


class SlowEngine:
    """Speaks in tones; a text is held back until `go` is set."""

    name = "slow"

    def __init__(self, refuses: bool = False) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.refuses = refuses
        self.spoken: list[str] = []

    def available(self) -> bool:
        return True

    def voice(self, language: str) -> str:
        return language

    async def render(self, text: str, language: str) -> tuple[np.ndarray, int]:
        self.spoken.append(text)
        await self.go.wait()
        if self.refuses:
            raise TtsError("it will not")
        return 0.3 * np.sin(np.arange(4000, dtype=np.float32) * 0.3), 8000


class Desk:
    """A maker and what it has posted."""

    def __init__(self, settings: Settings, engine: SlowEngine) -> None:
        self.posted: asyncio.Queue[SpeechMade] = asyncio.Queue()
        self.maker = LiveSpeechMaker(settings, voices_of(settings, engine), self.posted.put_nowait)
        self._next = 0

    async def make(self, *segments: Segment) -> SpeechMade:
        self._next += 1
        self.maker.make(MakeSpeech(LegId(1), PlaybackId(self._next), segments))
        async with asyncio.timeout(30):
            return await self.posted.get()


async def test_made_once_and_known_from_then_on(small_line: SmallLine) -> None:
    settings, engine = small_line(), SlowEngine()
    desk = Desk(settings, engine)
    first = await desk.make(HELLO, WORLD)
    assert all(first.prompts)
    assert sorted(engine.spoken) == ["Hello.", "World."]
    for prompt in first.prompts:
        assert prompt is not None
        assert len((Path(settings.prompt_cache) / f"{prompt.key}.ulaw").read_bytes()) == prompt.seconds * 8000
    desk.maker.make(MakeSpeech(LegId(1), PlaybackId(9), (WORLD,)))
    again = desk.posted.get_nowait()  # at once, within the same turn of the loop
    assert again.prompts == first.prompts[1:]
    restarted = SlowEngine()
    assert (await Desk(settings, restarted).make(HELLO)).prompts == first.prompts[:1]
    assert restarted.spoken == []
    await desk.maker.close()


async def test_too_late_for_this_caller_in_time_for_the_next(
    small_line: SmallLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts_live, "WITHIN_SECONDS", 0.02)
    engine = SlowEngine()
    desk = Desk(small_line(), engine)
    engine.go.clear()
    made = await desk.make(HELLO)
    assert made.prompts == (None,)
    assert desk.maker.counts == {"known": 0, "made": 0, "late": 1}
    monkeypatch.setattr(tts_live, "WITHIN_SECONDS", 5.0)
    waiting = asyncio.create_task(desk.make(HELLO))
    engine.go.set()
    assert all((await waiting).prompts)
    assert engine.spoken == ["Hello."]  # two callers, one rendering


async def test_an_engine_that_fails_or_is_not_there(small_line: SmallLine) -> None:
    assert (await Desk(small_line(), SlowEngine(refuses=True)).make(HELLO)).prompts == (None,)
    settings = small_line(tts="")
    posted: asyncio.Queue[SpeechMade] = asyncio.Queue()
    LiveSpeechMaker(settings, voices_of(settings), posted.put_nowait).make(
        MakeSpeech(LegId(1), PlaybackId(1), (HELLO,))
    )
    assert (await asyncio.wait_for(posted.get(), 5)).prompts == (None,)


async def test_no_more_texts_at_once_than_allowed(small_line: SmallLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts_live, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(tts_live, "WITHIN_SECONDS", 0.01)
    engine = SlowEngine()
    engine.go.clear()
    desk = Desk(small_line(), engine)
    await desk.make(HELLO)
    assert (await desk.make(WORLD)).prompts == (None,)
    assert engine.spoken == ["Hello."]
    await desk.maker.close()


async def test_what_was_used_least_lately_goes(small_line: SmallLine) -> None:
    settings = replace(small_line(), speech=SpeechSettings(kept_bytes=12_000))
    desk = Desk(settings, SlowEngine())
    texts = [Segment("en", f"Text {number}.") for number in range(4)]
    for text in (texts[0], texts[1], texts[0], texts[2], texts[3]):
        assert all((await desk.make(text)).prompts)
    folder = Path(settings.prompt_cache) / "said"
    kept = {path.stem for path in folder.iterdir()}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12_000
    last = await desk.make(texts[3])
    assert {prompt.key.removeprefix("said/") for prompt in last.prompts if prompt} <= kept
    for number in range(30):  # what earlier runs left is bounded too
        (folder / f"{number:024x}-{0:08x}.ulaw").write_bytes(bytes(1600))
    await Desk(settings, SlowEngine()).make(HELLO)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12_000


# ------------------------------------------------------------------ what the call room makes of it

BALANCE = speak("Balance {b:money EUR}.", "en", {"b": "2.50"})
PIECES = {Segment("en", text): Prompt(text, 0.3) for text in ("Balance", "two", "euros", "and", "fifty", "cents")}


def board(settings: Settings, whole: bool) -> Board:
    settings = replace(settings, speech=SpeechSettings(whole_values=whole))
    ports = PortStock()
    ports.add((20000, 20002))
    return Board(
        LineFacts(settings, lambda now: now, lambda at: pytest.fail("no clock")),
        PromptCatalog(PIECES),
        ports,
        IdSource(1),
    )


def plays(board: Board) -> list[tuple[str, ...]]:
    found = [command.prompts for command in board.outbox if isinstance(command, Play)]
    board.outbox.clear()
    return found


class Nobody:
    def leg_event(self, *_: object) -> None: ...
    def leg_ended(self, *_: object) -> None: ...


@pytest.mark.parametrize("made", [True, False])
def test_a_value_in_one_go_or_word_by_word(small_line: SmallLine, made: bool) -> None:
    line = board(small_line(), whole=True)
    leg = line.open_leg(LegId(7), LegFacts("in", "pstn", "1", "2", 0.0), Nobody())
    assert leg is not None
    assert leg.play(BALANCE)
    (command,) = [each for each in line.outbox if isinstance(each, MakeSpeech)]
    assert [segment.text for segment in command.segments] == ["two euros and fifty cents"]
    assert plays(line) == []
    prompt = Prompt("said/x", 1.0) if made else None
    assert line.speech_made(SpeechMade(leg.id, command.playback, command.segments, (prompt,)))
    words = ("said/x",) if made else ("two", "euros", "and", "fifty", "cents")
    assert plays(line) == [("Balance", *words)]
    assert line.speech_made(SpeechMade(leg.id, command.playback, command.segments, (prompt,)))
    assert plays(line) == []  # once


def test_word_by_word_from_the_beginning(small_line: SmallLine) -> None:
    line = board(small_line(), whole=False)
    leg = line.open_leg(LegId(7), LegFacts("in", "pstn", "1", "2", 0.0), Nobody())
    assert leg is not None
    assert leg.play(BALANCE)
    assert plays(line) == [("Balance", "two", "euros", "and", "fifty", "cents")]


def test_a_caller_who_went_on_or_away_hears_nothing_late(small_line: SmallLine) -> None:
    line = board(small_line(), whole=False)
    leg = line.open_leg(LegId(7), LegFacts("in", "pstn", "1", "2", 0.0), Nobody())
    assert leg is not None
    text = speak("{t:text}", "en", {"t": "Anna"})
    assert leg.play(text)
    playback = leg.playback
    assert playback is not None
    leg.stop_play()
    assert line.speech_made(SpeechMade(leg.id, playback, text, (Prompt("said/x", 1.0),)))
    assert plays(line) == []
    assert leg.play(text)
    assert leg.playback is not None
    assert not line.speech_made(SpeechMade(leg.id, leg.playback, text, (None,)))  # its playback is over, unheard
    assert line.speech_made(SpeechMade(LegId(99), PlaybackId(5), text, (None,)))


def test_nobody_waits_longer_than_a_second() -> None:
    assert WITHIN_SECONDS < 1.0
