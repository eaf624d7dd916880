"""What the configuration says of recording, for the calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from softswitch.ids import InteractionId, QueueId

ALWAYS: Final = "always"
NEVER: Final = "never"
ON_DEMAND: Final = "on_demand"


@dataclass(frozen=True, slots=True)
class RecordRule:
    """Of one queue; `percent` of its calls when `mode` is always."""

    mode: str = NEVER
    percent: float = 100.0

    def __str__(self) -> str:
        return self.mode if self.percent == 100.0 else f"{self.percent:g}%"

    def takes(self, interaction: InteractionId) -> bool:
        """Is this call in the sample? The same answer whenever it is asked."""
        return self.mode == ALWAYS and crc32(str(interaction).encode()) % 10_000 < self.percent * 100


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What the configuration says for the calls."""

    rules: Mapping[QueueId, RecordRule] = field(default_factory=dict)  # a queue that is missing: never
    keep_seconds: float = 90 * 86400.0
    keep_by_queue: Mapping[QueueId, float] = field(default_factory=dict)
