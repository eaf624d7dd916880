"""G.711 without numpy: the decoding rules as 256-entry tables, and the u-law <-> A-law tables for `bytes.translate`.

The media process needs only these; `g711` builds the array functions on the same rules.
"""

from __future__ import annotations

from typing import Final

ULAW_SILENCE: Final = 0xFF
ALAW_SILENCE: Final = 0xD5


def _decode_ulaw(code: int) -> int:
    """ITU-T G.711 table 2, scaled from 14 to 16 bits."""
    code = ~code & 0xFF
    magnitude = ((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _decode_alaw(code: int) -> int:
    """ITU-T G.711 table 1, scaled from 13 to 16 bits."""
    code ^= 0x55
    segment = code >> 4 & 7
    magnitude = (code & 0x0F) << 4
    magnitude = magnitude + 8 if segment == 0 else magnitude + 0x108 << segment - 1
    return magnitude if code & 0x80 else -magnitude


def encode_ulaw_sample(sample: int) -> int:
    """One 16-bit sample to u-law."""
    sample >>= 2
    mask = 0xFF
    if sample < 0:
        sample, mask = -sample, 0x7F
    sample = min(sample, 8159) + 0x21
    segment = max(sample.bit_length() - 6, 0)
    if segment >= 8:
        return 0x7F ^ mask
    return (segment << 4 | sample >> segment + 1 & 0x0F) ^ mask


def encode_alaw_sample(sample: int) -> int:
    """One 16-bit sample to A-law."""
    sample >>= 3
    mask = 0xD5
    if sample < 0:
        sample, mask = -sample - 1, 0x55
    segment = max(sample.bit_length() - 5, 0)
    return (segment << 4 | sample >> max(segment, 1) & 0x0F) ^ mask


ULAW_TO_LINEAR: Final = tuple(_decode_ulaw(code) for code in range(256))
ALAW_TO_LINEAR: Final = tuple(_decode_alaw(code) for code in range(256))
ULAW_TO_ALAW: Final = bytes(encode_alaw_sample(sample) for sample in ULAW_TO_LINEAR)
ALAW_TO_ULAW: Final = bytes(encode_ulaw_sample(sample) for sample in ALAW_TO_LINEAR)
