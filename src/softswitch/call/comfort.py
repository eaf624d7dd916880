"""What a caller is told about his wait: his place, between how many minutes he waits, whether others may go first.

The range is that of `acd.estimates` in whole minutes, rounded outwards: not narrower than what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from softswitch.acd.messages import AnnounceWaiting
from softswitch.acd.places import OTHERS_FIRST, PLACE_BACK
from softswitch.call.settings import QueueTexts
from softswitch.ivr.messages import Say

MOST_MINUTES = 60  # the longest wait that is spoken as a number
_MOST_PLACES = 99

Said = tuple[Say, Mapping[str, str | Say]]


def wait_said(texts: QueueTexts, low: float | None, high: float | None) -> list[Said]:
    """ "You wait between three and five minutes."; nothing while there is no estimate."""
    if low is None or high is None:
        return []
    least, most = max(int(low // 60), 1), max(ceil(high / 60), 1)
    if most <= least or least >= MOST_MINUTES:
        return [(texts.wait_about, {"minutes": str(min(most, MOST_MINUTES))})]
    return [(texts.wait_between, {"least": str(least), "most": str(min(most, MOST_MINUTES))})]


def so_long(seconds: float) -> str:
    """How long he has waited, for {waiting}: in whole minutes, the first minute in steps of five seconds."""
    step = 60 if seconds >= 60 else 5
    return str(max(int(seconds // step) * step, 5))


def in_line_said(texts: QueueTexts, command: AnnounceWaiting, asks: bool) -> list[Said]:
    """In the general line. `asks`: he is one of those who are asked to let others go first."""
    first = texts.ways.let_first
    said: list[Said] = []
    if command.because == OTHERS_FIRST and first is not None:
        said.append((texts.let_first.given, {"minutes": str(_minutes(first.next_after_seconds))}))
    elif command.because == PLACE_BACK:
        said.append((texts.let_first.taken_back, {}))
    else:
        said.append((texts.please_wait, {}))
    if command.position > 0 and command.because != OTHERS_FIRST:
        said.append((texts.position, {"position": str(min(command.position, _MOST_PLACES))}))
        said += wait_said(texts, command.low_seconds, command.high_seconds)
    if asks and first is not None:
        said.append((texts.let_first.offer, {"minutes": str(_minutes(first.next_after_seconds))}))
    return said


def _minutes(seconds: float) -> int:
    return min(max(ceil(seconds / 60), 1), MOST_MINUTES)


def join_says(says: list[Say]) -> Say:
    """Several texts spoken one after another, in the languages that all of them have. A line break is where one
    recorded piece ends and the next begins (`ivr.speech`)."""
    texts: dict[str, str] = {}
    for language in says[0].texts:
        pieces = [say.texts[language] for say in says if language in say.texts]
        if len(pieces) == len(says):
            texts[language] = "\n".join(pieces)
    return Say(texts=texts, files=says[0].files if len(says) == 1 else {})
