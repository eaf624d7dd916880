"""The audio codecs we speak: their names in SDP, payload types, clocks and what a 20 ms frame is.

Sources: RFC 3551 (static types; 4.5.2 for the clock of G.722), RFC 7587 (Opus), RFC 3389 (comfort noise).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Codec:
    """`clock` is that of RTP timestamps; `rate` the samples a second that we decode to and encode from; `static` the
    payload type, -1: dynamic."""

    name: str  # as in our configuration: PCMU, PCMA, G722, OPUS
    encoding: str  # as in a=rtpmap, lower case
    static: int
    clock: int
    rate: int

    @property
    def step(self) -> int:
        """How far the timestamp of a 20 ms frame moves."""
        return self.clock // 50


PCMU: Final = Codec("PCMU", "pcmu/8000", 0, 8000, 8000)
PCMA: Final = Codec("PCMA", "pcma/8000", 8, 8000, 8000)
# RFC 3551 4.5.2: "Even though the actual sampling rate for G.722 audio is 16,000 Hz, the RTP clock rate for the G722
# payload format is 8,000 Hz because that value was erroneously assigned in RFC 1890 and must remain unchanged."
G722: Final = Codec("G722", "g722/8000", 9, 8000, 16000)
# RFC 7587 4.1: "Opus supports 5 different audio bandwidths ... the RTP timestamp is incremented with a 48000 Hz clock
# rate for all modes of Opus and all sampling rates."
OPUS: Final = Codec("OPUS", "opus/48000/2", -1, 48000, 16000)

CODECS: Final = {codec.name: codec for codec in (PCMU, PCMA, G722, OPUS)}
STATIC: Final = {codec.static: codec for codec in (PCMU, PCMA, G722)}
G711: Final = (PCMU.name, PCMA.name)  # what the telephone network speaks


def g711_first(names: tuple[str, ...]) -> tuple[str, ...]:
    """Codecs as they are wanted towards the telephone network, which would have to transcode all others."""
    return tuple(sorted(names, key=lambda name: name not in G711))
