"""Playlists and the wheel that paces them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from softswitch.ids import LegId, PlaybackId
from softswitch.media.companding import ULAW_TO_ALAW
from softswitch.media.worker.player import SLOTS, TICK_SECONDS, Player, Playlist, Wheel


def player(number: int = 0) -> Player:
    return Player(LegId(number), PlaybackId(number), Playlist((b"x",), 1, 0))


def frames(playlist: Playlist, most: int = 1000) -> list[bytes]:
    out = []
    while len(out) < most and (frame := playlist.next_frame()) is not None:
        out.append(frame)
    return out


@given(st.lists(st.binary(max_size=500), max_size=5), st.integers(1, 4), st.sampled_from([0, 8]))
def test_the_bytes_of_all_clips_and_silence_at_the_end(clips: list[bytes], loops: int, payload_type: int) -> None:
    out = frames(Playlist(tuple(clips), loops, payload_type))
    whole = b"".join(clips) * loops
    silence = b"\xd5" if payload_type == 8 else b"\xff"
    assert b"".join(out) == whole.ljust(-(-len(whole) // 160) * 160, silence)
    assert all(len(frame) == 160 for frame in out)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_music_never_ends_unless_there_is_none(clips: list[bytes]) -> None:
    out = b"".join(frames(Playlist(tuple(clips), 0, 0), 50))
    whole = b"".join(clips)
    assert out == ((whole * (8000 // len(whole) + 1))[:8000] if whole else b"")


def test_an_ended_playlist_stays_ended() -> None:
    playlist = Playlist((b"x" * 160,), 1, 0)
    assert playlist.next_frame() == b"x" * 160
    assert playlist.next_frame() is None
    assert playlist.next_frame() is None


@given(st.lists(st.binary(min_size=1, max_size=500), min_size=1, max_size=4), st.integers(0, 10))
def test_translation_goes_on_at_the_same_place(clips: list[bytes], after: int) -> None:
    one, other = Playlist(tuple(clips), 2, 0), Playlist(tuple(clips), 2, 0)
    frames(one, after)
    frames(other, after)
    translated = frames(one.translated(ULAW_TO_ALAW, 8))
    assert translated == [frame.translate(ULAW_TO_ALAW) for frame in frames(other)]


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
