"""Playlists and the wheel that paces them."""

from __future__ import annotations

import audioop
import itertools
import select
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.ids import LegId, PlaybackId
from softswitch.media.codecs import G722, OPUS, PCMA, PCMU, Codec
from softswitch.media.companding import ULAW_TO_ALAW
from softswitch.media.worker import clips, switchboard
from softswitch.media.worker.clips import Clip
from softswitch.media.worker.coding import Encoder, decoder, encoder
from softswitch.media.worker.loop import FRAMES_SECONDS
from softswitch.media.worker.player import (
    SLOTS,
    TICK_SECONDS,
    CodedPlaylist,
    Frames,
    Place,
    Player,
    Playlist,
    Turn,
    Wheel,
)
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard


def player(number: int = 0) -> Player:
    return Player(LegId(number), PlaybackId(number), Playlist((b"x",), 1, PCMU))


def frames(playlist: Frames, most: int = 1000) -> list[bytes]:
    out = []
    while len(out) < most and (frame := playlist.next_frame()) is not None:
        out.append(frame)
    return out


@given(st.lists(st.binary(max_size=500), max_size=5), st.integers(1, 4), st.sampled_from([PCMU, PCMA]))
def test_the_bytes_of_all_clips_and_silence_at_the_end(clips: list[bytes], loops: int, codec: Codec) -> None:
    out = frames(Playlist(tuple(clips), loops, codec))
    whole = b"".join(clips) * loops
    silence = b"\xd5" if codec is PCMA else b"\xff"
    assert b"".join(out) == whole.ljust(-(-len(whole) // 160) * 160, silence)
    assert all(len(frame) == 160 for frame in out)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_music_never_ends_unless_there_is_none(clips: list[bytes]) -> None:
    out = b"".join(frames(Playlist(tuple(clips), 0, PCMU), 50))
    whole = b"".join(clips)
    assert out == ((whole * (8000 // len(whole) + 1))[:8000] if whole else b"")


def test_an_ended_playlist_stays_ended() -> None:
    playlist = Playlist((b"x" * 160,), 1, PCMU)
    assert playlist.next_frame() == b"x" * 160
    assert playlist.next_frame() is None
    assert playlist.next_frame() is None


@given(st.lists(st.binary(min_size=1, max_size=500), min_size=1, max_size=4), st.integers(1, 3), st.integers(0, 10))
def test_another_law_goes_on_at_the_same_place(clips: list[bytes], loops: int, after: int) -> None:
    def again(codec: Codec) -> Playlist:
        return Playlist(tuple(clip.translate(ULAW_TO_ALAW) for clip in clips), loops, codec)

    one, other = (Playlist(tuple(clips), loops, PCMU, again) for _ in range(2))
    frames(one, after)
    frames(other, after)
    translated = frames(one.in_codec(PCMA))
    assert translated == [frame.translate(ULAW_TO_ALAW) for frame in frames(other)]


def test_what_cannot_be_read_again_ends() -> None:
    for playlist in (Playlist((b"x" * 999,), 0, PCMU), Playlist((b"x" * 999,), 0, PCMU, lambda codec: None)):
        assert playlist.in_codec(PCMA).next_frame() is None


def frame_number(payload: bytes) -> int:
    """Of a clip whose frames are tones of 400 Hz, 500 Hz ...: which one is heard in this much of G.722."""
    sound = np.frombuffer(decoder(G722).decode(payload), np.int16)[160:]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(400, 2000, 100), np.arange(len(sound))) / 16000)
    return int(np.abs(turns @ sound).argmax())


def stairs(count: int) -> bytes:
    """u-law, a frame of each tone."""
    at = np.arange(160) / 8000
    return b"".join(
        audioop.lin2ulaw((8000 * np.sin(2 * np.pi * (400 + 100 * n) * at)).astype(np.int16).tobytes(), 2)
        for n in range(count)
    )


@pytest.mark.parametrize("loops", [1, 2, 0])
def test_coded_clips_follow_each_other(loops: int) -> None:
    clips = Clip(stairs(6), G722, wide=False), Clip(b"", G722, wide=False), Clip(stairs(3), G722, wide=False)
    heard = frames(CodedPlaylist(clips, loops), 40)
    assert [frame_number(frame) for frame in heard[:9]] == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert len(heard) == (9 * loops or 40)
    if loops != 1:
        assert heard[9:18] == heard[:9]


def test_a_coded_playlist_of_nothing_is_at_its_end() -> None:
    for nothing in ((), (Clip(b"", OPUS, wide=True),)):
        for loops in (0, 1):
            assert CodedPlaylist(nothing, loops).next_frame() is None


@pytest.mark.parametrize("after", [0, 1, 5, 6, 7, 9, 10, 13])
def test_from_law_to_frames_and_back_at_the_same_place(after: int) -> None:
    sounds = stairs(6), stairs(4)

    def again(codec: Codec) -> Playlist | CodedPlaylist:
        if codec is G722:
            return CodedPlaylist(tuple(Clip(sound, G722, wide=False) for sound in sounds), 2, again)
        return Playlist(sounds, 2, codec, again)

    whole = frames(again(PCMU), 100)
    playlist = again(PCMU)
    frames(playlist, after)
    coded = playlist.in_codec(G722)
    assert isinstance(coded, CodedPlaylist)
    heard = frames(coded, 4)
    order = [0, 1, 2, 3, 4, 5, 0, 1, 2, 3] * 2
    assert [frame_number(frame) for frame in heard] == order[after : after + 4]
    assert frames(coded.in_codec(PCMU), 100) == whole[after + 4 :]


@pytest.mark.parametrize("codec", [G722, OPUS], ids=["G722", "OPUS"])
def test_a_clip_is_encoded_once_for_all_and_only_as_far_as_it_is_heard(
    codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counting(*args: object, **options: object) -> Encoder:
        made.append(0)
        inner = encoder(*args, **options)  # type: ignore[arg-type]

        class Counting:
            def encode(self, samples: bytes) -> bytes:
                made[-1] += 1
                return inner.encode(samples)

        return Counting()

    monkeypatch.setattr(clips, "encoder", counting)
    clip = Clip(stairs(100), codec, wide=False)
    one, other = CodedPlaylist((clip,), 1), CodedPlaylist((clip,), 1)
    assert not made
    first = frames(one, 30)
    assert frames(other, 30) == first
    assert made == [30]
    late = CodedPlaylist((clip,), 1)
    late.go_to(Place(0, 80 * 160, 1))
    assert len(frames(late)) == 20
    assert made == [30, 22]  # with two to find its feet
    assert len(frames(one)) == len(frames(other)) == 70
    assert made == [30, 22, 52]
    assert not clip._sound  # it has done its duty


@pytest.mark.parametrize("codec", [G722, OPUS], ids=["G722", "OPUS"])
def test_wide_prompts_are_heard_wide(codec: Codec) -> None:
    sound = (8000 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)).astype("<i2").tobytes()
    clip = Clip(sound + b"x", codec, wide=True)
    decode = decoder(codec).decode
    heard = np.frombuffer(b"".join(decode(clip.frame(n)) for n in range(len(clip))), np.int16)
    assert len(heard) == 51 * 320
    turn = np.exp(-2j * np.pi * 6000 * np.arange(8000) / 16000)
    assert 2 * abs((heard[4000:12000] * turn).mean()) == pytest.approx(8000, rel=0.1)


def due_by(wheel: Wheel, now: float) -> list[Player]:
    """Everybody who is due by now, all slots of it."""
    return [player for due in iter(lambda: wheel.due(now), []) for player in due]


def test_a_player_is_due_every_20_ms() -> None:
    wheel = Wheel(100.0)
    one = player()
    wheel.add(one)
    times = []
    for step in range(1000):
        times += [step for _ in due_by(wheel, 100.0 + step * 0.0005)]
    assert len(times) == 25
    assert {b - a for a, b in itertools.pairwise(times)} <= {39, 40, 41}


def test_players_share_a_slot_that_is_due_soon() -> None:
    wheel = Wheel(100.0)
    first, second, third = player(1), player(2), player(3)
    wheel.add(first)
    assert due_by(wheel, 100.002) == [first]
    wheel.add(second)  # its slot has just passed
    assert due_by(wheel, 100.0135) == [second]
    wheel.add(third)  # the first one's slot comes in 6 ms
    for lap in (100.02, 100.04):
        assert due_by(wheel, lap + 0.0001) == [first, third]
        assert due_by(wheel, lap + 0.0135) == [second]


def test_what_is_heavy_is_not_crowded_into_one_slot() -> None:
    """A room of wide-band phones takes 0.15 ms: with twenty of them in one slot, the calls would wait for 3 ms."""
    wheel = Wheel(100.0)
    turns = [Turn(lambda now: None) for _ in range(100)]
    for each in turns:
        wheel.add(each)
    crowds = [len(wheel.due(100.0 + tick * TICK_SECONDS)) for tick in range(SLOTS)]
    assert crowds == [10] * SLOTS
    for each in turns[20:]:
        wheel.remove(each)
    light = [player(n) for n in range(50)]
    for one in light:
        wheel.add(one)
    for one in (*turns[:20], *light):
        wheel.remove(one)
    assert len(wheel) == 0 and wheel.next_due(101.0) == 0.0


def test_a_crowd_is_spread_over_all_slots_and_keeps_them() -> None:
    wheel = Wheel(100.0)
    crowd = [player(n) for n in range(500)]
    for one in crowd:
        wheel.add(one)
    laps = [[due_by(wheel, start + tick * TICK_SECONDS + 0.0001) for tick in range(SLOTS)] for start in (100.0, 100.02)]
    assert laps[0] == laps[1]
    assert {len(slot) for slot in laps[0]} == {50}


def test_one_player_is_due_at_the_next_tick() -> None:
    wheel = Wheel(100.0)
    assert due_by(wheel, 100.0) == []
    one = player()
    wheel.add(one)
    assert wheel.next_due(100.0) == 100.0 + TICK_SECONDS
    assert wheel.due(100.0) == []
    assert due_by(wheel, 100.0 + 1.5 * TICK_SECONDS) == [one]


def test_removed_players_are_not_due() -> None:
    wheel = Wheel(100.0)
    one, other = player(1), player(2)
    wheel.add(one)
    wheel.add(other)
    wheel.remove(one)
    wheel.remove(one)
    assert len(wheel) == 1
    assert due_by(wheel, 100.01) == [other]
    wheel.remove(other)
    assert wheel.next_due(100.0) == 0.0


def test_late_rounds_send_what_they_missed_but_a_standstill_is_skipped() -> None:
    wheel = Wheel(100.0)
    one = player()
    wheel.add(one)
    assert wheel.due(100.0) == [one]
    assert len(due_by(wheel, 100.06)) == 3  # 60 ms late: three frames
    assert len(due_by(wheel, 110.0)) <= 1  # ten seconds of standstill: no burst


def test_an_idle_wheel_does_not_make_the_first_frame_late_or_early() -> None:
    wheel = Wheel(100.0)
    assert wheel.due(500.0) == []
    wheel.add(player())
    assert 500.0 - TICK_SECONDS <= wheel.next_due(500.0) <= 500.0 + TICK_SECONDS
    assert SLOTS * TICK_SECONDS == 0.02


class Board:
    """A switchboard with mixes that take their time by a clock of our own."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int, seconds: float) -> None:
        self.now = 100.0
        monkeypatch.setattr(switchboard, "monotonic", lambda: self.now)
        self.clock = Clock(self.now)
        pool = PortPool("127.0.0.1", 40000, 40001, 1.0)
        library = PromptLibrary(str(tmp_path))
        self.board = Switchboard(select.epoll(), Relay(self.clock), pool, library, 30.0, lambda bits: 1)
        self.taken: list[int] = []
        self.turns = [Turn(partial(self._take, number, seconds)) for number in range(turns)]
        for turn in self.turns:
            self.board.wheel.add(turn)

    def _take(self, number: int, seconds: float, now: float) -> None:
        self.now += seconds
        self.taken.append(number)

    def round(self) -> float:
        """How long packets wait for it; when it was all, time goes on."""
        began = self.now
        self.board.send_due_frames(self.now, FRAMES_SECONDS)
        waited = self.now - began
        if not self.board.wheel.late:
            self.now += 0.0002
        return waited


def test_packets_wait_for_a_few_mixes_and_never_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred of 90 us are 18 ms of each 20: each gets its turn, and packets wait for a millisecond at most."""
    board = Board(tmp_path, monkeypatch, 200, 0.00009)
    longest = 0.0
    while board.now < 101.0:
        longest = max(longest, board.round())
    assert longest < 0.0012
    assert min(board.taken.count(number) for number in range(200)) >= 49


def test_more_mixes_than_can_be_lose_turns_all_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred of 100 us are 30 of each 20 ms, and more after the machine stood still."""
    board = Board(tmp_path, monkeypatch, 300, 0.0001)
    longest = 0.0
    for stop in (100.5, 101.0, 101.5):
        while board.now < stop:
            longest = max(longest, board.round())
        board.now += 0.09
    assert longest < 0.0012
    counts = [board.taken.count(number) for number in range(300)]
    assert max(counts) - min(counts) <= 3
    assert min(counts) >= 40  # of 75, nearly two thirds


def test_a_mix_that_ended_takes_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(tmp_path, monkeypatch, 30, 0.001)
    wheel = board.board.wheel
    while len(wheel.late) < 2:
        board.round()
    gone = next(iter(wheel.late))
    number = board.turns.index(gone)
    before = board.taken.count(number)
    wheel.remove(gone)
    assert wheel.next_due(board.now) == board.now, "others wait"
    for _ in range(40):
        board.round()
    assert board.taken.count(number) == before
