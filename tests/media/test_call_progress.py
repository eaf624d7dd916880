"""The tones of networks: as we play them, and as we hear them before a call is answered."""

from __future__ import annotations

import audioop
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media.sounds import mixed, noise, sound, tones
from tests.media.test_answering_machine import said
from tests.media.test_key_tones import TALK, spoken

from softswitch.media import tones as network
from softswitch.media.call_progress import CallProgress
from softswitch.media.hearing import Frames
from softswitch.media.tones import BUSY, CONGESTION, DIAL, INFORMATION, KINDS, NATIONAL, RINGBACK

REQUIRED = ("EE", "IT", "CZ", "CN", "GB", "US", "FR", "DE")
HEARD = {RINGBACK: "ringback", BUSY: "busy", CONGESTION: "congestion", INFORMATION: "unobtainable"}


def heard(country: str, samples: bytes) -> list[tuple[str, float]]:
    """Which tones, and after how many seconds."""
    progress = CallProgress(country)
    told = [(progress.handle(frame), n) for n, frame in enumerate(Frames().of(samples), 1)]
    return [(tone, n * 0.02) for tone, n in told if tone]


def played(country: str, kind: str, seconds: float = 8.0, *, quieter: float = 0.3, lead: int = 777) -> bytes:
    period = network.samples(NATIONAL[country].tone(kind))
    whole = (period * (int(seconds * 16000) // len(period) + 1))[: int(seconds * 16000)]
    return audioop.alaw2lin(audioop.lin2alaw(bytes(2 * lead) + audioop.mul(whole, 2, quieter), 2), 2)


def test_the_countries_that_are_promised() -> None:
    assert set(REQUIRED) <= NATIONAL.keys()


@pytest.mark.parametrize("country", sorted(NATIONAL))
@pytest.mark.parametrize("kind", [RINGBACK, BUSY, CONGESTION, INFORMATION])
def test_each_tone_is_heard_as_what_it_is(country: str, kind: str) -> None:
    ((tone, after),) = heard(country, played(country, kind))
    assert tone == HEARD[kind]
    assert after <= 3.5


@pytest.mark.parametrize("country", REQUIRED)
def test_a_dial_tone_says_nothing(country: str) -> None:
    if country not in ("IT", "CZ"):  # theirs have a cadence, of their own
        assert heard(country, played(country, DIAL)) == []


def test_ringing_and_then_busy() -> None:
    samples = played("EE", RINGBACK, 5.0) + played("EE", BUSY, 3.0, lead=0)
    assert [tone for tone, _ in heard("EE", samples)] == ["ringback", "busy"]


def test_a_fax() -> None:
    assert [tone for tone, _ in heard("EE", sound(tones([(2100.0, -12.0)], 800)))] == ["fax"]


def test_speech_and_music_are_no_tones() -> None:
    for language, text in TALK.items():
        for country in ("EE", "US", ""):
            assert heard(country, spoken(text, language)) == []
    chord = [(262.0, -20.0), (330.0, -20.0), (392.0, -20.0)]
    assert heard("EE", sound(tones(chord, 1000) * 3)) == []


def test_a_busy_tone_in_noise() -> None:
    values = [float(x) for x in memoryview(played("EE", BUSY, 3.0)).cast("h")]
    assert [tone for tone, _ in heard("EE", sound(mixed(values, noise(len(values) / 8, -50.0)[: len(values)])))] == [
        "busy"
    ]


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=4000), st.sampled_from(["EE", "US", "", "??"]))
def test_nothing_raises(data: bytes, country: str) -> None:
    heard(country, data[: len(data) // 2 * 2] * 4)


# ------------------------------------------------------------------ as we play them


@pytest.mark.parametrize("country", sorted(NATIONAL))
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_has_no_seam(country: str, kind: str) -> None:
    samples = network.samples(NATIONAL[country].tone(kind))
    assert len(samples) % 320 == 0
    values = memoryview(samples).cast("h")
    step = max(abs(a - b) for a, b in itertools.pairwise(values))
    assert abs(values[0] - values[-1]) <= step + 1
    assert max(values) < 16384


@pytest.mark.parametrize(
    ("key", "lengths"),
    [
        ("tone/ee/ringback", [1000, 4000]),
        ("tone/gb/ringback", [400, 200, 400, 2000]),
        ("tone/us/busy", [500, 500]),
        ("tone/cz/congestion", [165, 165]),
        ("tone/fr/ringback", [1500, 3500]),
        ("tone/cn/congestion", [700, 700]),
    ],
)
def test_what_the_administrations_reported(key: str, lengths: list[int]) -> None:
    cadence = network.named(key)
    assert cadence is not None and [ms for _, ms in cadence] == lengths


@pytest.mark.parametrize(
    "key", ["", "tone", "tone/ee", "tone/xx/busy", "tone/ee/loud", "tune/ee/busy", "tone/ee/busy/"]
)
def test_no_tone_of_this_name(key: str) -> None:
    assert network.named(key) is None


def test_a_voice_that_was_cut_is_no_cadence() -> None:
    voice = said("Hello?", "en", 160)[:4000]
    assert heard("US", sound([*voice, *[0.0] * 4000] * 6)) == []
