"""`media`: codecs, the mark of packets, IPv6, and what silence means."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.config import schema
from softswitch.media.messages import MediaSettings


def media(directory: Any, keys: str) -> MediaSettings:
    return directory.load(media=keys).media  # type: ignore[no-any-return]


def test_defaults(directory: Any) -> None:
    assert media(directory, "{ address: 127.0.0.1 }") == MediaSettings()


def test_codecs_in_any_letters(directory: Any) -> None:
    assert media(directory, "{ codecs: [opus, g722, PCMA, Pcmu] }").codecs == ("OPUS", "G722", "PCMA", "PCMU")


@pytest.mark.parametrize(
    ("line", "trunk", "codecs"),
    [
        ("[pcma, pcmu]", "", ()),  # those of the line, as they are
        ("[opus, g722, pcma, pcmu]", "", ("PCMA", "PCMU", "OPUS", "G722")),
        ("[pcma, opus]", "", ()),
        ("[opus]", "", ()),
        ("[opus, pcma]", ", codecs: [g722, pcma]", ("G722", "PCMA")),
        ("[pcmu]", ", codecs: [PCMA]", ("PCMA",)),
    ],
)
def test_codecs_of_trunks(directory: Any, line: str, trunk: str, codecs: tuple[str, ...]) -> None:
    trunks = f"{{ pstn: {{ from: [192.0.2.10], to: 192.0.2.10:5060{trunk} }} }}"
    (found,) = directory.load(media=f"{{ codecs: {line} }}", trunks=trunks).sip.trunks
    assert found.codecs == codecs


@pytest.mark.parametrize(
    ("written", "number"), [("EF", 46), ("ef", 46), ("CS3", 24), ("AF41", 34), ("0", 0), ("63", 63), ("off", 0)]
)
def test_marks_of_packets(directory: Any, written: str, number: int) -> None:
    assert media(directory, f"{{ dscp: {written} }}").dscp == number


def test_silence_in_short_and_in_full(directory: Any) -> None:
    short = media(directory, "{ silence: 20s }")
    assert (short.silence_seconds, short.silence_alarm_seconds, short.silence_mend) == (20.0, 3.0, True)
    full = media(directory, "{ silence: { alarm: 5s, mend: false, end: 1m } }")
    assert (full.silence_seconds, full.silence_alarm_seconds, full.silence_mend) == (60.0, 5.0, False)
    assert media(directory, "{ silence: { alarm: off } }").silence_alarm_seconds == 0.0
    assert media(directory, "{ silence: 2s }").silence_alarm_seconds == 2.0


def test_ipv6(directory: Any) -> None:
    found = media(directory, "{ address: 192.0.2.1, address6: '2001:DB8:0::1' }")
    assert (found.host, found.host6) == ("192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{ codecs: [opsu] }", 'expected a codec (g722, opus, pcma, pcmu), found "opsu" - did you mean "opus"?'),
        ("{ codecs: [opus, OPUS] }", "opus stands in this list twice"),
        ("{ codecs: [] }", "the list is empty"),
        ("{ codecs: opus }", "expected a list like [ ... ]"),
        ("{ dscp: EFF }", 'found "EFF" - did you mean "EF"?'),
        ("{ dscp: 64 }", "or its number from 0 to 63"),
        ("{ dscp: 046 }", "or its number from 0 to 63"),
        pytest.param(f"{{ dscp: {'1' * 5000} }}", "or its number from 0 to 63", id="dscp without end"),
        ("{ silence: 30 }", "expected a length of time"),
        ("{ silence: { alarn: 3s } }", 'silence has no key "alarn" - did you mean "alarm"?'),
        ("{ silence: { alarm: 40s } }", "is longer than end"),
        ("{ address6: 192.0.2.1 }", '"192.0.2.1" is no IPv6 address'),
        ("{ address6: 'fe80::1' }", "is no address that a phone could send to"),
        ("{ address: '2001:db8::1', address6: '2001:db8::2' }", "address is an IPv6 address already"),
    ],
)
def test_mistakes(directory: Any, keys: str, said: str) -> None:
    (problem,) = directory.check(media=keys)
    assert said in str(problem)
    assert str(problem).startswith("line.yaml:")


def test_editors_know_the_words() -> None:
    parts = schema("line.yaml")["$defs"]
    assert {"opus", "OPUS", "pcmu"} <= set(parts["MediaDoc"]["properties"]["codecs"]["items"]["enum"])
    assert parts["MediaDoc"]["properties"]["dscp"]["default"] == "EF"
    assert "$ref" in parts["MediaDoc"]["properties"]["silence"]["anyOf"][1]
