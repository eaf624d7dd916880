"""Places on the timeline, whatever the network does to the packets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.media.recording.timeline import DRIFT_PACKETS, Holes, Line, Sequence, Track

RATE = 8000
FRAME = 160


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 400), st.integers(-60, 500)), min_size=1, max_size=60),
    st.sampled_from([8000, 48_000]),
)
def test_every_packet_lands_where_its_timestamp_says(first: int, packets: list[tuple[int, int]], clock: int) -> None:
    """Lost, doubled, late by half a second and in any order; the counter wraps where it likes."""
    line, begin = Line(RATE), 8000
    assert line.place(begin, first, 7, clock) == begin
    for number, late_ms in packets:
        timestamp = (first + number * clock // 50) & 0xFFFFFFFF
        arrived = begin + number * FRAME + late_ms * RATE // 1000
        assert line.place(arrived, timestamp, 7, clock) == begin + number * FRAME
    assert line.anchored == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2000)), max_size=20), st.integers(1, 4000))
def test_what_is_taken_is_what_was_put_and_the_rest_is_silence(puts: list[tuple[int, int]], step: int) -> None:
    expected = bytearray(2 * 20_000)
    track, heard = Track(RATE), b""
    for value, (mark, position) in enumerate(puts, 1):
        samples = bytes([value, 1]) * (mark + 1)
        track.put(position, samples)
        expected[2 * position : 2 * position + len(samples)] = samples
    covered = {at for mark, position in puts for at in range(position, position + mark + 1)}
    for until in range(step, 20_000 + step, step):
        heard += track.take(min(until, 20_000))
    assert heard == bytes(expected)
    assert track.holes.samples == 20_000 - len(covered)


def test_a_new_source_and_a_jump_are_placed_by_their_arrival_and_late_ones_of_the_old_still_find_theirs() -> None:
    line = Line(RATE)
    assert line.place(0, 1000, 1, RATE) == 0
    assert line.place(1600, 77, 2, RATE) == 1600  # another source
    assert line.place(1650, 1160, 1, RATE) == 160  # late, of the first
    assert line.place(3200, 900_000, 2, RATE) == 3200  # its timestamp jumps
    assert line.place(3300, 77 + 320, 2, RATE) == 1920  # late, from before the jump
    assert line.place(16_000 * 10, 900_160, 2, RATE) == 16_000 * 10  # it stood still on hold


def test_the_clocks_of_phone_and_switch_may_drift_apart() -> None:
    line, position = Line(RATE), 0
    for number in range(20 * DRIFT_PACKETS):  # a phone that is slower by 1 in 1000
        arrived = number * FRAME * 1001 // 1000
        position = line.place(arrived, number * FRAME, 1, RATE)
        assert abs(position - arrived) <= 0.15 * RATE
    assert line.anchored == 1


def test_holes_that_touch_are_one_and_short_ones_are_not_listed() -> None:
    holes = Holes(RATE)
    for begin, end in ((0, 1000), (1000, 2000), (5000, 5100), (9000, 20_000)):
        holes.add(begin, end)
    holes.close()
    assert holes.listed == [(0, 2000), (9000, 20_000)]
    assert holes.samples == 13_100


def test_lost_packets_are_counted_over_the_wrap_and_late_ones_taken_off() -> None:
    sequence = Sequence()
    for number in (65_533, 65_534, 2, 0, 3, 3):
        sequence.packet(number, 1)
    assert sequence.lost == 2  # 65535 and 1
    sequence.packet(40_000, 2)  # another source: nothing is lost
    sequence.forget()
    sequence.packet(40_500, 2)
    assert sequence.lost == 2
