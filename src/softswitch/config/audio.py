"""Audio on the network: codecs, ports, the mark of its packets, and what silence means; and the settings from it."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Any, Final

from softswitch.config.kinds import (
    Flag,
    Keys,
    Kind,
    ListOf,
    Number,
    OneOf,
    Or,
    Schema,
    SchemaParts,
    Section,
    Word,
    key,
    made,
    section,
    what_is,
)
from softswitch.config.problems import Place, Placed, Report, did_you_mean
from softswitch.config.tree import Mapping, Node, Scalar
from softswitch.config.values import ADDRESS, NOTHING, NOWHERE, PORTS, duration
from softswitch.media.codecs import CODECS
from softswitch.media.messages import MediaSettings

_ENDED = duration(1, 3600)


class _Codec(Kind[Placed]):
    """A codec by its name, in small or capital letters."""

    def __init__(self) -> None:
        super().__init__(Placed("PCMU", NOWHERE))

    def read(self, node: Node, report: Report) -> Placed:
        if isinstance(node, Scalar) and node.text.upper() in CODECS:
            return Placed(node.text.upper(), node.place)
        names = sorted(name.lower() for name in CODECS)
        hint = did_you_mean(node.text.lower(), names) if isinstance(node, Scalar) else ""
        report.add(node.place, f"expected a codec ({', '.join(names)}), found {what_is(node)}{hint}")
        return self.blank

    def schema(self, parts: SchemaParts) -> Schema:
        return {"enum": [word for name in CODECS for word in (name.lower(), name)]}

    def write(self, value: Placed) -> Any:
        return str(value).lower()


class _Codecs(ListOf[Placed]):
    """Codecs, each one once."""

    def __init__(self) -> None:
        super().__init__(_Codec(), at_least=1)

    def read(self, node: Node, report: Report) -> tuple[Placed, ...]:
        found: dict[str, Placed] = {}
        before = len(report.problems)
        codecs = super().read(node, report)
        for codec in codecs if len(report.problems) == before else ():
            if codec in found:
                report.add(codec.place, f"{codec.lower()} stands in this list twice")
            found.setdefault(codec, codec)
        return codecs


CODEC_LIST: Final = _Codecs()

# RFC 4594 and the registry of RFC 2474: what the marks of packets are called
_CLASSES: Final = {
    **{f"CS{number}": number * 8 for number in range(8)},
    **{f"AF{kind}{drop}": kind * 8 + drop * 2 for kind in range(1, 5) for drop in range(1, 4)},
    "EF": 46,
    "VA": 44,  # RFC 5865
    "LE": 1,  # RFC 8622
}


class _Dscp(Kind[int]):
    """The mark of packets (DSCP, RFC 2474), by its name or its number."""

    def __init__(self) -> None:
        super().__init__(0)

    def read(self, node: Node, report: Report) -> int:
        text = node.text if isinstance(node, Scalar) else ""
        if text.upper() in _CLASSES:
            return _CLASSES[text.upper()]
        is_number = text.isascii() and text.isdecimal() and len(text) <= 2
        if is_number and (text == "0" or text[0] != "0") and int(text) <= 63:
            return int(text)
        hint = did_you_mean(text.upper(), _CLASSES)
        expected = "a mark of packets like EF, CS3, AF41, or its number from 0 to 63"
        report.add(node.place, f"expected {expected}, found {what_is(node)}{hint}")
        return self.blank

    def schema(self, parts: SchemaParts) -> Schema:
        words = [word for name in _CLASSES for word in (name, name.lower())]
        return {"anyOf": [{"enum": words}, {"type": "integer", "minimum": 0, "maximum": 63}]}

    def write(self, value: int) -> Any:
        return next((name for name, number in _CLASSES.items() if number == value), value)


def _address6(text: Placed, _: re.Match[str]) -> Placed:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise ValueError(f'"{text}" is no IPv6 address') from None
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        raise ValueError(f"{text} is no address that a phone could send to; name the IPv6 address of this machine")
    return Placed(str(address), text.place)


_ADDRESS6: Final = Word("an IPv6 address", r"[0-9A-Fa-f:.]{2,45}", _address6, NOTHING)
DSCP: Final = Or({"off": 0}, _Dscp())
SIP_MARK: Final = _CLASSES["CS3"]  # RFC 4594 4.2 has CS5 for signalling; networks and phones have kept to CS3


@section
class SilenceDoc(Section):
    """A phone or trunk that sends no audio although it should. On hold it need not."""

    alarm: float = key(
        Or({"off": 0.0}, duration(1, 3600)), "after this long it is shown on the floor and noted in the CDR", 3.0
    )
    mend: bool = key(Flag(), "and is asked once to begin anew (re-INVITE; of a browser, an ICE restart)", True)
    end: float = key(_ENDED, "and its call is ended after this long", 30.0)


class _Silence(Kind[SilenceDoc]):
    """The keys of `silence`, or just when such a call is ended."""

    def __init__(self) -> None:
        self._keys = Keys(SilenceDoc, "silence")
        super().__init__(self._keys.blank)

    def read(self, node: Node, report: Report) -> SilenceDoc:
        if isinstance(node, Mapping):
            return self._keys.read(node, report)
        return made(SilenceDoc, node.place, {"end": node.place}, end=_ENDED.read(node, report))

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [_ENDED.schema(parts), self._keys.schema(parts)]}

    def write(self, value: SilenceDoc) -> Any:
        return _ENDED.write(value.end)


@section
class MediaDoc(Section):
    """Audio on the network."""

    address: Placed = key(
        ADDRESS, "the address of this machine to which phones and trunks send audio", Placed("127.0.0.1", NOTHING.place)
    )
    address6: Placed = key(_ADDRESS6, "and its IPv6 address, for those whose SIP comes over IPv6", NOTHING)
    ports: tuple[int, int] = key(PORTS, "UDP ports for audio; two for each call", (20000, 29999))
    silence: SilenceDoc = key(
        _Silence(),
        "a call without any incoming audio for this long is ended; or the keys below",
        made(SilenceDoc, NOWHERE),
    )
    codecs: tuple[Placed, ...] = key(CODEC_LIST, "codecs that are offered, the preferred one first", ("PCMU", "PCMA"))
    in_band_digits: Placed = key(
        OneOf("auto", "always", "never"),
        "keys are heard as tones in the sound; auto: of phones that cannot tell them otherwise, see digits.md",
        Placed("auto", NOTHING.place),
    )
    grace: float = key(
        duration(0, 600),
        "calls go on for so long without the switch, which takes them over when it is started again; see survival.md",
        60.0,
    )
    workers: Any = key(
        Or({"auto": 0}, Number(1, 64)),
        "media processes, which share the ports; auto: one for each core of the machine but one",
        1,
    )
    dscp: int = key(DSCP, "how packets of audio are marked for the network: EF, CS5, a number, or off", 46)


def report_few(ports: tuple[int, int], workers: int, place: Place, report: Report) -> None:
    """RFC 3550 11: RTP has an even port, and its RTCP the next one."""
    if ports is PORTS.blank:
        return  # it is no range, and has been told so
    first, last = ports
    pairs, workers = (last - first - first % 2) // 2 + 1, max(workers, 1)
    if pairs < 2 * workers:
        few = f"{pairs} pair of ports is" if pairs == 1 else f"{pairs} pairs of ports are"
        many = f" for {workers} media processes" if workers > 1 else ""
        report.add(place, f"{few} too few{many}: a call needs two, each from an even port on")


def build_media(media: MediaDoc | None, ports: tuple[int, int] | None, report: Report) -> MediaSettings:
    if media is None:
        return MediaSettings() if ports is None else MediaSettings(port_first=ports[0], port_last=ports[1])
    first, last = ports or media.ports
    if ports is None:
        report_few(media.ports, media.workers, media.at("ports" if "ports" in media.places else "workers"), report)
    silence = media.silence
    if silence.alarm > silence.end and "alarm" in silence.places:
        report.add(silence.at("alarm"), "is longer than end")
    if media.address6 and ":" in media.address:
        report.add(media.address6.place, "address is an IPv6 address already; one of the two is IPv4")
    return MediaSettings(
        host=str(media.address),
        port_first=first,
        port_last=last,
        silence_seconds=silence.end,
        codecs=tuple(map(str, media.codecs)),
        host6=str(media.address6),
        dscp=media.dscp,
        grace_seconds=media.grace,
        workers=media.workers,
        in_band_digits=str(media.in_band_digits),
        silence_alarm_seconds=min(silence.alarm, silence.end),
        silence_mend=silence.mend,
    )
