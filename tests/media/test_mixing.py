"""The arithmetic of mixing against the same written out sample by sample."""

from __future__ import annotations

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.media.mixing import FULL, continued, crossfade, headroom, mix, ramped

COUNT = 16
samples = st.lists(st.integers(-32768, 32767), min_size=COUNT, max_size=COUNT)
levels = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5])


def frame(values: list[int]) -> bytes:
    return array("h", values).tobytes()


def values(data: bytes) -> list[int]:
    return list(memoryview(data).cast("h"))


@settings(max_examples=60)
@given(st.lists(st.tuples(samples, levels), max_size=5), st.sampled_from([0.2, 0.5]))
def test_a_sum_is_the_sum(parts: list[tuple[list[int], float]], ease: float) -> None:
    got = mix(((frame(one), level) for one, level in parts), ease)
    if not parts:
        assert got == b""
        return
    exact = [sum(one[n] * level * ease for one, level in parts) for n in range(COUNT)]
    if max(map(abs, exact)) < FULL - len(parts) and all(
        abs(sum(one[n] * level * ease for one, level in parts[:k])) < FULL - k
        for k in range(1, len(parts))
        for n in range(COUNT)
    ):
        assert all(abs(a - b) <= len(parts) for a, b in zip(values(got), exact, strict=True))


@settings(max_examples=60)
@given(st.lists(st.tuples(samples, levels), min_size=1, max_size=6), st.floats(0.01, 1.0))
def test_with_headroom_nothing_clips(parts: list[tuple[list[int], float]], before: float) -> None:
    loud = sum(max(map(abs, one)) * level for one, level in parts)
    ease = headroom(loud, before)
    assert 0 < ease <= 1.0
    exact = [sum(one[n] * level * ease for one, level in parts) for n in range(COUNT)]
    got = values(mix(((frame(one), level) for one, level in parts), ease))
    assert all(abs(a - b) <= len(parts) + 1 for a, b in zip(got, exact, strict=True))


def test_what_was_turned_down_comes_back_slowly() -> None:
    ease, turns = headroom(4 * FULL), 0
    assert ease == 0.25
    while ease < 1.0:
        following = headroom(100, ease)
        assert ease < following <= ease * 1.05
        ease, turns = following, turns + 1
    assert 25 < turns < 75  # between half a second and a second and a half


@settings(max_examples=40)
@given(samples, samples, st.integers(0, COUNT))
def test_a_crossfade_goes_from_one_to_the_other(one: list[int], other: list[int], count: int) -> None:
    got = values(crossfade(frame(one), frame(other), count))
    assert got[count:] == other[count:]
    for n in range(count):
        exact = (one[n] * (count - n) + other[n] * (n + 1)) / (count + 1)
        assert abs(got[n] - exact) <= 1
        assert min(one[n], other[n]) - 1 <= got[n] <= max(one[n], other[n]) + 1


def test_a_crossfade_from_less_than_a_frame() -> None:
    assert crossfade(b"", frame([5] * COUNT), 8) == frame([5] * COUNT)


@given(samples)
def test_a_continuation_begins_where_the_frame_ends(one: list[int]) -> None:
    assert values(continued(frame(one))) == one[::-1]


def test_a_ramp() -> None:
    got = values(ramped(frame([1000] * COUNT), 1.0, 0.0))
    assert got[0] == 1000 and got == sorted(got, reverse=True) and got[-1] == 62
