"""The control codec: every message there and back, bytes cut anywhere, nonsense refused."""

from __future__ import annotations

import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import control
from softswitch.media.control import ControlError, Decoder, MediaMessage, encode
from softswitch.media.messages import (
    AdoptLegs,
    AllLegsFound,
    AnsweredBy,
    Bridge,
    Claim,
    Claimed,
    CloseMediaLeg,
    DigitReceived,
    DtlsOffered,
    Finish,
    FoundLeg,
    GreetingOver,
    LegsFound,
    ListenForKeys,
    MediaLegClosed,
    MediaLegFailed,
    MediaSaid,
    MediaSecured,
    OpenMediaLeg,
    Ping,
    Play,
    PlaybackEnded,
    Pong,
    PortsLeased,
    RtpHeard,
    RtpSilent,
    SendDigits,
    SetKeys,
    SetRemote,
    StartDtls,
    StopPlay,
    ToneHeard,
    Unbridge,
    WatchAnswer,
)
from softswitch.media.mix_messages import JoinMix, LeaveMix, PlayToMix, SetHearing

numbers = st.integers(-(2**63), 2**64 - 1)
texts = st.text(max_size=20)
messages: st.SearchStrategy[MediaMessage] = st.one_of(
    st.builds(OpenMediaLeg, numbers, numbers, st.booleans()),
    st.builds(SetRemote, numbers, texts, numbers, numbers, numbers, st.booleans(), st.booleans()),
    st.builds(Play, numbers, numbers, st.lists(texts, max_size=5).map(tuple), numbers),
    st.builds(StopPlay, numbers),
    st.builds(Bridge, numbers, numbers),
    st.builds(Unbridge, numbers),
    st.builds(CloseMediaLeg, numbers),
    st.builds(PortsLeased, st.lists(numbers, max_size=5).map(tuple)),
    st.builds(PlaybackEnded, numbers, numbers, st.booleans()),
    st.builds(DigitReceived, numbers, texts, numbers),
    st.builds(DigitReceived, numbers, texts, numbers, texts),
    st.builds(SendDigits, numbers, texts, numbers, numbers, numbers),
    st.builds(ListenForKeys, numbers, st.booleans()),
    st.builds(WatchAnswer, numbers, texts, st.booleans(), st.booleans()),
    st.builds(ToneHeard, numbers, texts),
    st.builds(AnsweredBy, numbers, texts, numbers),
    st.builds(GreetingOver, numbers, st.booleans()),
    st.builds(RtpSilent, numbers, st.floats(allow_nan=False)),
    st.builds(RtpHeard, numbers, st.floats(allow_nan=False)),
    st.builds(MediaLegClosed, numbers, numbers, numbers, numbers, *[st.floats(allow_nan=False)] * 5),
    st.builds(MediaLegFailed, numbers, texts),
    st.builds(SetKeys, numbers, texts, st.binary(max_size=50), st.binary(max_size=50)),
    st.builds(StartDtls, numbers, st.booleans(), texts, texts, texts, texts),
    st.builds(DtlsOffered, texts),
    st.builds(JoinMix, numbers, numbers, *[st.lists(numbers, max_size=5).map(tuple)] * 2),
    st.builds(SetHearing, numbers, *[st.lists(numbers, max_size=5).map(tuple)] * 2),
    st.builds(LeaveMix, numbers),
    st.builds(PlayToMix, numbers, numbers, st.lists(texts, max_size=5).map(tuple)),
    st.builds(MediaSecured, numbers, texts),
    st.builds(Claim, texts),
    st.builds(AdoptLegs, st.lists(numbers, max_size=5).map(tuple)),
    st.builds(Finish),
    st.builds(Ping, numbers),
    st.builds(Claimed, st.booleans()),
    st.builds(
        LegsFound,
        st.lists(
            st.builds(FoundLeg, *[numbers] * 6, texts, numbers, st.booleans(), st.booleans(), numbers), max_size=3
        ).map(tuple),
    ),
    st.builds(AllLegsFound, numbers, numbers),
    st.builds(Pong, numbers),
    st.builds(MediaSaid, numbers, texts),
)


@given(st.lists(st.lists(messages, max_size=5), max_size=4), st.randoms(use_true_random=False))
def test_there_and_back_cut_anywhere(batches: list[list[MediaMessage]], chance) -> None:  # type: ignore[no-untyped-def]
    stream = b"".join(encode(batch) for batch in batches)
    cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(5))
    decoder = Decoder()
    got: list[MediaMessage] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += decoder.feed(stream[start:end])
    assert got == [message for batch in batches for message in batch]


def test_every_message_has_a_tag() -> None:
    assert {kind for _, kind, _ in control._TAGS} == set(control.MediaMessage.__args__)


def test_a_batch_too_large_for_one_frame_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_FRAME_BYTES", 64)
    batch = [MediaLegFailed(n, "reason " * 3) for n in range(10)]
    assert Decoder().feed(encode(batch)) == batch


def frame(value: object) -> bytes:
    body = msgpack.packb(value)
    return struct.pack("!I", len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x03\x91",
        frame(1) + b"\0" * 4,
        frame({}),
        frame([1]),
        frame([[]]),
        frame([["1", 2]]),
        frame([[99, 2]]),
        frame([[1, 2]]),
        frame([[1, 2, 3, 4]]),
        frame([[1, 2, "3"]]),
        frame([[1, 2, True]]),
        frame([[3, 1, 2, [3], 1]]),
        frame([[64, ["x"]]]),
    ],
)
def test_nonsense_ends_the_connection(data: bytes) -> None:
    with pytest.raises(ControlError):
        Decoder().feed(data + b"\0" * 16)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        Decoder().feed(struct.pack("!I", len(data)) + data)
    except ControlError:
        pass
