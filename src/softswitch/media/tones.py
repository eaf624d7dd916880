"""The tones of telephone networks: what each means in which country, what it sounds like, and keys as tones.

Frequencies and cadences are those that the administrations reported to ITU-T ("Various tones used in national
networks", the supplement to ITU-T E.180/Q.35); the special information tone is that of E.180 itself: 950, 1400 and
1800 Hz, a third of a second each. What a country did not report is as in most others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi, sin
from struct import pack
from typing import Final, TypeAlias

from softswitch.media.key_tones import COLUMNS, KEYS, ROWS
from softswitch.media.probe import amplitude

RINGBACK: Final = "ringback"
BUSY: Final = "busy"
CONGESTION: Final = "congestion"
DIAL: Final = "dial"
INFORMATION: Final = "information"
KINDS: Final = (RINGBACK, BUSY, CONGESTION, DIAL, INFORMATION)

PREFIX: Final = "tone/"

Part: TypeAlias = tuple[tuple[int, ...], int]  # frequencies in Hz, none: a pause; and milliseconds
Cadence: TypeAlias = tuple[Part, ...]  # one period

VERSION: Final = 1  # of what they sound like
_LOUDNESS: Final = -13.0  # dBm0 of each frequency; E.180 asks for -10 dBm0 +-5 altogether
_EDGE: Final = 0.004  # seconds
_FRAME_MS: Final = 20
_SPECIAL: Final[Cadence] = (((950,), 330), ((1400,), 330), ((1800,), 330), ((), 1010))


def _on_off(frequencies: tuple[int, ...], *milliseconds: int) -> Cadence:
    return tuple((frequencies if n % 2 == 0 else (), each) for n, each in enumerate(milliseconds))


@dataclass(frozen=True, slots=True)
class National:
    """The tones of one country."""

    ringback: Cadence
    busy: Cadence
    congestion: Cadence
    dial: Cadence
    information: Cadence = _SPECIAL

    def tone(self, kind: str) -> Cadence:
        assert kind in KINDS, kind
        found: Cadence = getattr(self, kind)
        return found


def _usual(hertz: int, busy: int, congestion: int, dial: Cadence | None = None) -> National:
    """One frequency for everything; ringback one second of five."""
    f = (hertz,)
    return National(
        _on_off(f, 1000, 4000),
        _on_off(f, busy, busy),
        _on_off(f, congestion, congestion),
        dial or _on_off(f, 1000),
    )


NATIONAL: Final[dict[str, National]] = {
    "EE": _usual(425, 300, 200),
    "IT": _usual(425, 500, 200, _on_off((425,), 200, 200, 600, 1000)),
    "CZ": _usual(425, 330, 165, _on_off((425,), 330, 330, 660, 660)),
    "CN": _usual(450, 350, 700),
    "GB": National(
        _on_off((400, 450), 400, 200, 400, 2000),
        _on_off((400,), 375, 375),
        _on_off((400,), 400, 350, 225, 525),
        _on_off((350, 440), 1000),
    ),
    "US": National(
        _on_off((440, 480), 2000, 4000),
        _on_off((480, 620), 500, 500),
        _on_off((480, 620), 250, 250),
        _on_off((350, 440), 1000),
    ),
    "FR": National(
        _on_off((440,), 1500, 3500),
        _on_off((440,), 500, 500),
        _on_off((440,), 250, 250),
        _on_off((440,), 1000),
    ),
    "DE": _usual(425, 480, 240),
    "FI": _usual(425, 300, 200),
    "SE": National(
        _on_off((425,), 1000, 5000), _on_off((425,), 250, 250), _on_off((425,), 250, 750), _on_off((425,), 1000)
    ),
    "CH": _usual(425, 500, 200),
}
NATIONAL["CA"] = NATIONAL["US"]
ELSEWHERE: Final = _usual(425, 500, 250)


def national(country: str) -> National:
    """The tones of this country (ISO 3166, in any case of letters); where it has none here, Europe's usual ones."""
    return NATIONAL.get(country.upper(), ELSEWHERE)


def tone_key(country: str, kind: str) -> str:
    """What a tone is called: `tone/ee/ringback`."""
    return f"tone/{country.lower()}/{kind}"


def named(key: str) -> Cadence | None:
    """The tone of this name."""
    word, _, rest = key.partition("/")
    country, _, kind = rest.partition("/")
    if word != "tone" or kind not in KINDS or country.upper() not in NATIONAL:
        return None
    return NATIONAL[country.upper()].tone(kind)


def samples(cadence: Cadence, rate: int = 8000) -> bytes:
    """One period, or as many of them as are whole 20 ms frames: to be looped without a seam."""
    period = sum(milliseconds for _, milliseconds in cadence)
    times = next(n for n in range(1, _FRAME_MS + 1) if n * period % _FRAME_MS == 0)
    steady = len(cadence) == 1  # nothing begins or ends in it
    once = b"".join(
        _wave([(float(each), _LOUDNESS) for each in frequencies], milliseconds, rate, 0.0 if steady else _EDGE)
        for frequencies, milliseconds in cadence
    )
    return once * times


def key_sound(key: str, milliseconds: int, rate: int) -> bytes:
    """A telephone key as two tones; the high one a little louder, as lines take more of it away."""
    row = next(n for n, keys in enumerate(KEYS) if key in keys)
    return _wave([(ROWS[row], -9.0), (COLUMNS[KEYS[row].index(key)], -7.0)], milliseconds, rate, 0.001)


def _wave(parts: Iterable[tuple[float, float]], milliseconds: int, rate: int, edge: float) -> bytes:
    waves = [(2 * pi * hertz / rate, amplitude(dbm0)) for hertz, dbm0 in parts]
    count = rate * milliseconds // 1000
    values = [0.0] * count
    for step, loud in waves:
        values = [value + loud * sin(step * n) for n, value in enumerate(values)]
    soft = int(edge * rate)
    for n in range(min(soft, count // 2)):
        values[n] *= n / soft
        values[-1 - n] *= n / soft
    return pack(f"={count}h", *map(round, values))
