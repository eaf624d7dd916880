"""Coders: level, waveform and spectrum of what comes back; loss; every kind of Opus packet; nonsense."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from softswitch.media.codecs import CODECS, G722, OPUS, PCMA, PCMU, Codec
from softswitch.media.messages import SetRemote
from softswitch.media.worker import opus
from softswitch.media.worker.coding import RATES, decoder, encoder, prepare, ready, spoken
from softswitch.media.worker.opus import OpusDecoder, OpusEncoder
from softswitch.media.worker.rates import Converter

Sound = NDArray[np.float64]
EVERY = [(codec, rate) for codec in CODECS.values() for rate in RATES]
_BITRATE, _FEC, _LOSS, _DTX = 4002, 4012, 4014, 4016
IDS = [f"{codec.name} at {rate}" for codec, rate in EVERY]


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 8000.0) -> Sound:
    return level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@cache
def _vowels(rate: int) -> Sound:
    """Something like speech: harmonics of a gliding pitch, in syllables."""
    at = np.arange(rate) / rate
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 0.7 * at)) / rate
    voice = sum(np.sin(n * phase) / n for n in range(1, 20))
    return np.asarray(6000 * voice * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * at)))


def frames(sound: Sound, rate: int) -> list[bytes]:
    shorts = sound.astype(np.int16)
    size = rate // 50
    return [shorts[at : at + size].tobytes() for at in range(0, len(shorts) - size + 1, size)]


def samples(data: bytes) -> Sound:
    return np.frombuffer(data, np.int16).astype(np.float64)


def through(codec: Codec, rate: int, sound: Sound) -> Sound:
    encode, decode = encoder(codec, rate).encode, decoder(codec, rate).decode
    return samples(b"".join(decode(encode(frame)) for frame in frames(sound, rate)))


def likeness(heard: Sound, sent: Sound, most_late: int = 400) -> float:
    """The correlation at the best delay, without the first 200 ms in which coders find their feet."""
    piece = sent[len(sent) // 5 : len(sent) - most_late]
    start = len(sent) // 5
    return max(np.corrcoef(heard[start + late :][: len(piece)], piece)[0, 1] for late in range(most_late))


def decibels(heard: Sound, sent: Sound) -> float:
    return float(20 * np.log10(heard[len(heard) // 4 :].std() / sent[len(sent) // 4 :].std()))


def strength(sound: Sound, hertz: float, rate: int) -> float:
    """Amplitude of one frequency."""
    piece = sound[len(sound) // 4 :]
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(piece)) / rate)
    return float(2 * abs((piece * turn).mean()))


@pytest.mark.parametrize(("codec", "rate"), EVERY, ids=IDS)
def test_speech_comes_back_as_it_was(codec: Codec, rate: int) -> None:
    sent = _vowels(rate)
    heard = through(codec, rate, sent)
    assert len(heard) == len(sent)
    assert likeness(heard, sent) > 0.95
    assert abs(decibels(heard, sent)) < 1.0


@pytest.mark.parametrize(("codec", "rate"), EVERY, ids=IDS)
def test_a_tone_comes_back_in_its_place(codec: Codec, rate: int) -> None:
    heard = through(codec, rate, tone(1000, rate))
    assert strength(heard, 1000, rate) == pytest.approx(8000, rel=0.1)
    assert strength(heard, 700, rate) < 200


@pytest.mark.parametrize("codec", [G722, OPUS], ids=["G722", "OPUS"])
def test_wide_band_is_heard_as_such(codec: Codec) -> None:
    heard = through(codec, 16000, tone(6000, 16000))
    assert strength(heard, 6000, 16000) == pytest.approx(8000, rel=0.15)


@pytest.mark.parametrize("hertz", [4300, 5000, 6000, 7500])
def test_what_is_above_the_telephone_band_does_not_fold_into_it(hertz: int) -> None:
    convert = Converter(up=False).convert
    heard = samples(b"".join(convert(frame) for frame in frames(tone(hertz, 16000), 16000)))
    assert heard[200:].std() < tone(hertz, 16000).std() / 500


def test_no_mirror_image_above_a_narrow_band() -> None:
    convert = Converter(up=True).convert
    heard = samples(b"".join(convert(frame) for frame in frames(tone(1000, 8000), 8000)))
    assert strength(heard, 1000, 16000) == pytest.approx(8000, rel=0.01)
    assert strength(heard, 7000, 16000) < 5


@pytest.mark.parametrize("up", [True, False])
def test_conversion_does_not_depend_on_how_it_is_cut(up: bool) -> None:
    sound = _vowels(16000).astype(np.int16).tobytes()
    whole = b"".join(map(Converter(up=up).convert, frames(_vowels(16000), 16000)))
    cut = Converter(up=up)
    sizes = [22, 640, 2, 160, 960, 6, 320, 1280]
    parts, at = [], 0
    while at < len(sound):
        size = sizes[len(parts) % len(sizes)]
        parts.append(cut.convert(sound[at : at + size]))
        at += size
    assert np.abs(samples(b"".join(parts)) - samples(whole)[: sum(map(len, parts)) // 2]).max() <= 1


def test_loud_sound_is_clipped_not_wrapped() -> None:
    square = 32767 * np.sign(np.sin(2 * np.pi * 400 * np.arange(16000) / 16000) + 1e-9)
    convert = Converter(up=False).convert
    heard = samples(b"".join(convert(frame) for frame in frames(square, 16000)))
    expected = np.sign(np.sin(2 * np.pi * 400 * (np.arange(len(heard)) - 15) / 8000))
    middle = np.abs(np.sin(2 * np.pi * 400 * (np.arange(len(heard)) - 15) / 8000)) > 0.5
    assert (np.sign(heard[40:]) == expected[40:])[middle[40:]].all()


def test_g722_is_eight_kilobytes_a_second() -> None:
    encode = encoder(G722).encode
    assert {len(encode(frame)) for frame in frames(_vowels(16000), 16000)} == {160}


def test_g722_silence_is_silence_and_every_byte_is_a_code_word() -> None:
    assert np.abs(through(G722, 16000, np.zeros(16000))).max() < 20
    coder = decoder(G722)
    assert [len(coder.decode(bytes([code]))) for code in range(256)] == [4] * 256
    # the lower band alone, as a 48 kbit/s sender would have it: two bits of the code word are not looked at closely
    encode, robbed = encoder(G722).encode, decoder(G722)
    sent = _vowels(16000)
    heard = b"".join(robbed.decode(bytes(code & 0xFC for code in encode(frame))) for frame in frames(sent, 16000))
    assert likeness(samples(heard), sent) > 0.9


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722, OPUS], ids=list(CODECS))
def test_a_lost_packet_is_concealed_without_a_click(codec: Codec) -> None:
    rate = codec.rate
    encode, coder = encoder(codec).encode, decoder(codec)
    sent = tone(200, rate)
    heard = b""
    payloads = [encode(frame) for frame in frames(sent, rate)]
    for number, payload in enumerate(payloads):
        heard += coder.conceal(rate // 50) if number in (20, 21) else coder.decode(payload)
    sound = samples(heard)
    assert len(sound) == len(sent)
    hole = sound[20 * rate // 50 : 22 * rate // 50]
    assert hole.std() > 0.4 * sent.std()
    steps = np.abs(np.diff(sound[rate // 10 :]))
    assert steps.max() < 3 * np.abs(np.diff(sent)).max()


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722, OPUS], ids=list(CODECS))
def test_a_long_loss_ends_in_silence(codec: Codec) -> None:
    coder, encode = decoder(codec), encoder(codec).encode
    for frame in frames(tone(300, codec.rate, 0.4), codec.rate):
        coder.decode(encode(frame))
    size = codec.rate // 50
    gone = [samples(coder.conceal(size)) for _ in range(50)]
    assert all(len(one) == size for one in gone)
    assert np.abs(gone[-1]).max() < 300


def test_a_loss_before_anything_was_heard_is_silence() -> None:
    for codec in CODECS.values():
        assert not any(decoder(codec).conceal(160))


def _foreign_opus(
    rate: int, channels: int, sound: Sound, samples_each: int, settings: dict[int, int] | None = None
) -> list[bytes]:
    """Packets of a sender that is set otherwise than ours."""
    library = opus.library()
    state = ctypes.create_string_buffer(library.opus_encoder_get_size(channels))
    assert library.opus_encoder_init(state, rate, channels, 2048 if settings else 2049) == 0
    for request, value in (settings or {}).items():
        assert library.opus_encoder_ctl(state, ctypes.c_int(request), ctypes.c_int(value)) == 0
    shorts = np.repeat(sound.astype(np.int16), channels)
    packet = ctypes.create_string_buffer(4000)
    made = []
    step = samples_each * channels
    for at in range(0, len(shorts) - step + 1, step):
        size = library.opus_encode(state, shorts[at : at + step].tobytes(), samples_each, packet, 4000)
        assert size > 0
        made.append(ctypes.string_at(packet, size))
    return made


def test_what_opus_repeats_of_a_lost_frame_is_used() -> None:
    payloads = _foreign_opus(8000, 1, _vowels(8000), 160, {_BITRATE: 32_000, _FEC: 1, _LOSS: 20})
    whole, poor, rich = OpusDecoder(8000), OpusDecoder(8000), OpusDecoder(8000)
    blind = seeing = 0.0
    for number, payload in enumerate(payloads[:-1]):
        right = samples(whole.decode(payload))
        if number % 5 == 3 and number > 5 and right.std() > 1000:
            blind += float(((samples(poor.conceal(160)) - right) ** 2).sum())
            seeing += float(((samples(rich.conceal(160, payloads[number + 1])) - right) ** 2).sum())
        else:
            poor.decode(payload), rich.decode(payload)
    assert 0 < seeing < blind / 3


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("milliseconds", [2.5, 5, 10, 20, 40, 60])
def test_opus_of_every_length_mono_and_stereo(milliseconds: float, channels: int) -> None:
    sent = tone(1000, 48000, 0.6)
    packets = _foreign_opus(48000, channels, sent, int(48 * milliseconds))
    for rate in RATES:
        decode = decoder(OPUS, rate).decode
        pieces = [decode(packet) for packet in packets]
        assert {len(piece) for piece in pieces} == {int(2 * rate * milliseconds / 1000)}
        assert strength(samples(b"".join(pieces)), 1000, rate) == pytest.approx(8000, rel=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_a_peer_who_loses_packets_gets_copies(rate: int) -> None:
    coder = OpusEncoder(rate)
    errors = []
    for on in (False, True):
        coder.protect(on)
        payloads = [coder.encode(frame) for frame in frames(_vowels(rate), rate)]
        whole, decode = OpusDecoder(rate), OpusDecoder(rate)
        error = energy = 0.0
        for number, payload in enumerate(payloads[:-1]):
            right = samples(whole.decode(payload))
            if number % 5 == 3 and number > 5:
                error += float(((samples(decode.conceal(rate // 50, payloads[number + 1])) - right) ** 2).sum())
                energy += float((right**2).sum())
            else:
                decode.decode(payload)
        errors.append(error / energy)
    assert errors[1] < 0.2 < errors[0]


def test_protection_comes_and_goes_within_one_stream() -> None:
    coder, decode = OpusEncoder(8000), OpusDecoder(8000)
    heard = b""
    for number, frame in enumerate(frames(tone(500, 8000, 1.5), 8000)):
        coder.protect(25 <= number < 50)
        heard += decode.decode(coder.encode(frame))
    for part in range(3):
        middle = samples(heard)[part * 4000 + 1000 : part * 4000 + 4000]
        assert strength(np.concatenate((np.zeros(1000), middle)), 500, 8000) == pytest.approx(8000, rel=0.15)


def test_opus_packets_of_silence_are_understood() -> None:
    sound = np.concatenate((_vowels(16000), np.zeros(16000)))
    packets = _foreign_opus(16000, 1, sound, 320, {_DTX: 1})
    assert min(map(len, packets[50:])) <= 2  # it did save
    decode = decoder(OPUS).decode
    pieces = [decode(packet) for packet in packets]
    assert {len(piece) for piece in pieces} == {640}
    assert np.abs(samples(b"".join(pieces[-10:]))).max() < 100


@given(st.sampled_from(EVERY), st.lists(st.binary(max_size=300), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_nonsense_is_sound_or_nothing(coder: tuple[Codec, int], payloads: list[bytes]) -> None:
    decode = decoder(*coder)
    for payload in payloads:
        heard = decode.decode(memoryview(payload))
        assert len(heard) % 2 == 0 and len(heard) <= 48000
        assert len(decode.conceal(160, payload)) == 320


def test_no_coder_without_a_codec_or_at_another_rate() -> None:
    for make in (decoder, encoder):
        with pytest.raises(ValueError, match="11025"):
            make(PCMU, 11025)
        with pytest.raises(ValueError, match="no"):
            make(Codec("SPEEX", "speex/8000", -1, 8000, 8000))
    with pytest.raises(ValueError):
        OpusDecoder(44100)


def test_the_codec_of_a_leg() -> None:
    assert spoken(None) is PCMU
    assert spoken(SetRemote(1, "192.0.2.1", 4000, 8, 101)) is PCMA  # type: ignore[arg-type]
    assert spoken(SetRemote(1, "192.0.2.1", 4000, 111, 101, codec="OPUS")) is OPUS  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="111"):
        spoken(SetRemote(1, "192.0.2.1", 4000, 111, 101))  # type: ignore[arg-type]


def test_everything_can_be_prepared_ahead() -> None:
    prepare((*CODECS, "OF ANOTHER VERSION"))
    assert encoder(OPUS, prompt=True).encode(bytes(640))


def test_the_shipped_libopus_is_found(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(opus, "_NAMES", ())
    opus.library.cache_clear()
    try:
        shipped = opus._shipped()
        if not shipped:
            pytest.skip("PyAV is not installed as a wheel here")
        heard = through(OPUS, 16000, tone(1000, 16000, 0.5))
        assert strength(heard, 1000, 16000) == pytest.approx(8000, rel=0.1)
        monkeypatch.setattr(opus, "_shipped", list)
        opus.library.cache_clear()
        with pytest.raises(ValueError, match="libopus"):
            decoder(OPUS)
        ready.cache_clear()
        prepare(("PCMU", "OPUS", "G722"))
        assert "OPUS cannot be spoken here" in caplog.text
    finally:
        monkeypatch.undo()
        opus.library.cache_clear()
